"""DeiT of Hugging Face transformers (DeiTModel, DeiTForImageClassification, DeiTForImageClassificationWithTeacher).

Facts:

- all of them have a distillation token after the class token (undistilled DeiT files are of type ``vit``), so
  ``position_embeddings`` has two rows for tokens;
- the network hangs under ``deit.`` in the classes for a task; ``classifier`` reads the class token alone,
  ``cls_classifier`` and ``distillation_classifier`` one token each, and their answers are averaged, as in timm;
- other names are those of the library's ViT, on disk and in memory; DeiTModel has ``pooler.dense``, and
  DeiTForMaskedImageModeling ``decoder`` and a mask token;
- LayerNorm epsilon 1e-12, exact GELU by default; ImageNet's mean and std;
- position embeddings are resized bicubically without antialiasing.
"""

from __future__ import annotations

from dataclasses import replace

from toprung.checkpoints.dialects import IMAGENET, Target, Translation
from toprung.checkpoints.dialects import _transformers as hf
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable

NAME = "transformers DeiT"
_ENDS: hf.Rules = [*hf.VIT_ENDS, ("embeddings.distillation_token", "dist_token")]
_TWO: hf.Rules = [
    *(rule for rule in _ENDS if rule[0] != "classifier"),
    ("cls_classifier", "head"),
    ("distillation_classifier", "head_dist"),
]
TABLE = NameTable([*_TWO, *hf.VIT_BLOCKS])

_TABLES = (
    TABLE,
    NameTable([*_TWO, *hf.VIT_BLOCKS_IN_MEMORY]),
    NameTable([*_ENDS, *hf.VIT_BLOCKS]),
    NameTable([*_ENDS, *hf.VIT_BLOCKS_IN_MEMORY]),
)
_SPARE = (hf.POOLER, hf.MASK_TOKEN, ("decoder.", "decoder of masked pretraining"))
_MARKS = {"embeddings.cls_token", "embeddings.distillation_token", "embeddings.position_embeddings"}
_BLOCKS = ("encoder.layer.0.layernorm_before.weight", "layers.0.layernorm_before.weight")


def recognise(file: WeightsFile) -> bool:
    """Recognise the library's ViT with a distillation token."""
    names = hf.inner_names(file, "deit.")
    blocks = any(block in names for block in _BLOCKS)
    return hf.is_type(file, "deit") and names >= _MARKS and blocks and _is_for_pictures(file)


def _is_for_pictures(file: WeightsFile) -> bool:
    """Say no to the audio spectrogram transformer, whose bare names are the same and whose patches have 1 channel."""
    kernel = file.tensors.get(f"{hf.prefix_of(file.tensors, 'deit.')}embeddings.patch_embeddings.projection.weight")
    return kernel is None or kernel.ndim != 4 or kernel.shape[1] != 1 or bool(file.config.get("model_type"))


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Join query, key and value; give each token its classifier."""
    names = hf.rename(file.tensors, hf.prefix_of(file.tensors, "deit."), _SPARE, *_TABLES)
    how = hf.computing(file.config, "gelu", 1e-12)
    two = "head_dist.weight" in names.state
    single = "a classifier on the class token" if "head.weight" in names.state else "no classifier"
    return replace(
        hf.plain_vit(names, how, file.config, 2),
        preprocessing=dict(IMAGENET),
        trained_for="distillation on ImageNet, two classifiers" if two else single,
    )
