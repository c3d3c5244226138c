"""ConvNeXt and ConvNeXt V2 of Hugging Face transformers (ConvNextModel, ConvNextV2ForImageClassification, ...).

Facts:

- the network hangs under ``convnext.`` or ``convnextv2.`` in the classes for a task; names are the same on disk and in
  memory; the last ``layernorm`` comes after the average, as in timm;
- global response normalisation of version 2 is kept as ``(1, 1, 1, width)``, in timm as ``(width)``; layer scale of
  version 1 is ``layer_scale_parameter``;
- exact GELU; LayerNorm epsilon 1e-6 everywhere but in the last one, which has the configuration's (1e-12 by default):
  timm's has 1e-6 there too;
- ImageNet's mean and std.
"""

from __future__ import annotations

import dataclasses

from torch import Tensor

from toprung.checkpoints.dialects import IMAGENET, Target, Translation
from toprung.checkpoints.dialects import _transformers as hf
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable

NAME = "transformers ConvNeXt"
_STAGE = "encoder.stages.{i}."
_LAYER = "encoder.stages.{i}.layers.{j}."
_BLOCK = "stages.{i}.blocks.{j}."
TABLE = NameTable(
    [
        ("embeddings.patch_embeddings", "stem.0"),
        ("embeddings.layernorm", "stem.1"),
        (f"{_STAGE}downsampling_layer.{{k}}", "stages.{i}.downsample.{k}"),
        (f"{_LAYER}dwconv", f"{_BLOCK}conv_dw"),
        (f"{_LAYER}layernorm", f"{_BLOCK}norm"),
        (f"{_LAYER}pwconv1", f"{_BLOCK}mlp.fc1"),
        (f"{_LAYER}pwconv2", f"{_BLOCK}mlp.fc2"),
        (f"{_LAYER}grn", f"{_BLOCK}mlp.grn"),
        (f"{_LAYER}layer_scale_parameter", f"{_BLOCK}gamma"),
        ("layernorm", "head.norm"),
        ("classifier", "head.fc"),
    ]
)

_PREFIXES = ("convnextv2.", "convnext.")
_MARKS = {
    "embeddings.patch_embeddings.weight",
    "embeddings.layernorm.weight",
    "encoder.stages.0.layers.0.dwconv.weight",
    "encoder.stages.0.layers.0.pwconv1.weight",
}


def recognise(file: WeightsFile) -> bool:
    """Recognise the library's depthwise and pointwise layers under ``encoder.stages``."""
    return hf.is_type(file, "convnext", "convnextv2") and hf.inner_names(file, *_PREFIXES) >= _MARKS


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename; flatten the response normalisation."""
    names = hf.rename(file.tensors, hf.prefix_of(file.tensors, *_PREFIXES), (), TABLE)
    state = {name: _flat(tensor) if ".grn." in name else tensor for name, tensor in names.state.items()}
    how = hf.computing(file.config, "gelu", 1e-12)
    return Translation(
        state,
        dropped=names.dropped,
        leftover=names.leftover,
        assumptions=("the last norm's epsilon is the model's own, as every other norm's",),
        preprocessing=dict(IMAGENET),
        # the configuration's epsilon is the last norm's alone; the heads are those of attention, of which there is none
        conventions=dataclasses.replace(how.conventions, norm_eps=None, num_heads=None),
        trained_for="a classifier" if "head.fc.weight" in state else "no classifier",
        classes=hf.classes_of(file.config, state.get("head.fc.weight")),
        unfit=how.unfit,
    )


def _flat(tensor: Tensor) -> Tensor:
    return tensor.flatten() if tensor.ndim == 4 else tensor
