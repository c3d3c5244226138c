"""ViT of Hugging Face transformers (ViTModel, ViTForImageClassification, ViTForMaskedImageModeling, ViT-MSN).

Facts:

- the network hangs under ``vit.`` in the classes for a task, and is bare in ViTModel; ``classifier`` reads the class
  token after ``layernorm``;
- query, key and value are three layers; on disk they lie under ``encoder.layer.N.attention.attention``, in version 5's
  memory under ``layers.N.attention``;
- ViTModel has ``pooler.dense`` behind the class token, untrained in most files; ViTForMaskedImageModeling has
  ``decoder`` and ``embeddings.mask_token``;
- LayerNorm epsilon 1e-12 (ViT) and 1e-6 (ViT-MSN), exact GELU by default;
- position embeddings are resized bicubically without antialiasing;
- Google's files expect mean and std 0.5; DINO's and MSN's, which have the same names, ImageNet's.
"""

from __future__ import annotations

from dataclasses import replace

from toprung.checkpoints.dialects import HALF, IMAGENET, Target, Translation
from toprung.checkpoints.dialects import _transformers as hf
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable

NAME = "transformers ViT"
TABLE = NameTable([*hf.VIT_ENDS, *hf.VIT_BLOCKS])

_IN_MEMORY = NameTable([*hf.VIT_ENDS, *hf.VIT_BLOCKS_IN_MEMORY])
_SPARE = (hf.POOLER, hf.MASK_TOKEN, ("decoder.", "decoder of masked pretraining"))
_MARKS = {"embeddings.cls_token", "embeddings.position_embeddings", "embeddings.patch_embeddings.projection.weight"}
_BLOCKS = ("encoder.layer.0.layernorm_before.weight", "layers.0.layernorm_before.weight")
_OTHERS = ("embeddings.distillation_token", "embeddings.detection_tokens", "embeddings.register_tokens")


def recognise(file: WeightsFile) -> bool:
    """Recognise the library's ViT with learned positions: not DeiT's tokens, not BEiT's biases, not MAE's table."""
    if not hf.is_type(file, "vit", "vit_msn"):
        return False
    names = hf.inner_names(file, "vit.")
    if not (names >= _MARKS and any(block in names for block in _BLOCKS)) or any(name in names for name in _OTHERS):
        return False
    if any(name.endswith((".lambda_1", "relative_position_bias_table")) for name in names):
        return False
    return bool(file.config.get("model_type")) or not is_mae(file, names)


def is_mae(file: WeightsFile, names: set[str]) -> bool:
    """Say whether a file of these names holds a masked autoencoder: a pixel decoder, or sines for positions."""
    if "decoder.decoder_pred.weight" in names:
        return True
    if any(name.startswith(("classifier.", "decoder.", "pooler.")) for name in names):
        return False
    table = file.tensors[f"{hf.prefix_of(file.tensors, 'vit.')}embeddings.position_embeddings"]
    return table.ndim == 3 and not bool(table[:, 0].any())  # its class token has a row of zeros, which never learns


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Join query, key and value; drop pooler and decoder."""
    names = hf.rename(file.tensors, hf.prefix_of(file.tensors, "vit."), _SPARE, TABLE, _IN_MEMORY)
    msn = file.config.get("model_type") == "vit_msn"
    how = hf.computing(file.config, "gelu", 1e-6 if msn else 1e-12)
    told = () if msn else ("mean and std 0.5, as Google's files; DINO's in these names expect ImageNet's",)
    return replace(
        hf.plain_vit(names, how, file.config, 1),
        assumptions=how.assumptions + told,
        preprocessing=dict(IMAGENET if msn else HALF),
        trained_for="a classifier" if "head.weight" in names.state else "no classifier",
    )
