"""Masked autoencoders of Hugging Face transformers (ViTMAEModel, ViTMAEForPreTraining).

Facts:

- the encoder hangs under ``vit.`` beside ``decoder.``, which reconstructs pixels, and is bare in ViTMAEModel; its
  names are those of the library's ViT, on disk and in memory;
- position embeddings are sines and cosines that never learn; the class token's row is zeros, which tells a bare
  encoder from a ViT;
- there is no pooler and no classifier; ``layernorm`` is the encoder's last norm;
- LayerNorm epsilon 1e-12, exact GELU by default; ImageNet's mean and std;
- position embeddings are resized bicubically without antialiasing.
"""

from __future__ import annotations

from dataclasses import replace

from toprung.checkpoints.dialects import IMAGENET, HeadStart, Target, Translation
from toprung.checkpoints.dialects import _transformers as hf
from toprung.checkpoints.dialects.hf_vit import is_mae
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable

NAME = "transformers ViTMAE"
TABLE = NameTable([*hf.VIT_ENDS, *hf.VIT_BLOCKS])

_IN_MEMORY = NameTable([*hf.VIT_ENDS, *hf.VIT_BLOCKS_IN_MEMORY])
_SPARE = (("decoder.", "MAE's decoder, which reconstructs pixels and is not needed to classify"),)
_MARKS = {"embeddings.cls_token", "embeddings.position_embeddings", "embeddings.patch_embeddings.projection.weight"}
_BLOCKS = ("encoder.layer.0.layernorm_before.weight", "layers.0.layernorm_before.weight")


def recognise(file: WeightsFile) -> bool:
    """Recognise the library's ViT with MAE's decoder, or with fixed positions."""
    if not hf.is_type(file, "vit_mae"):
        return False
    names = hf.inner_names(file, "vit.")
    if not (names >= _MARKS and any(block in names for block in _BLOCKS)):
        return False
    if any(name.endswith((".lambda_1", "relative_position_bias_table", "distillation_token")) for name in names):
        return False
    return bool(file.config.get("model_type")) or is_mae(file, names)


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Keep the encoder."""
    names = hf.rename(file.tensors, hf.prefix_of(file.tensors, "vit."), _SPARE, TABLE, _IN_MEMORY)
    how = hf.computing(file.config, "gelu", 1e-12)
    return replace(
        hf.plain_vit(names, how, file.config, 1),
        preprocessing=dict(IMAGENET),
        head_start=HeadStart("trunc_normal", 2e-5, "MAE's fine-tuning"),
        trained_for=f"MAE pretraining ({'with the decoder' if names.dropped else 'encoder only'}); no classifier",
    )
