"""ConvNeXt and ConvNeXt V2 of OpenMMLab's MMPretrain (and MMClassification before it).

Facts:

- files are ``{"meta", "state_dict"}``; the network lies under ``backbone.``, the classifier is ``head.fc``; backbones
  are published bare, too;
- the layout is the official one (``downsample_layers``, ``stages.i.j``) with names of its own inside a block:
  ``depthwise_conv``, ``pointwise_conv1``, ``pointwise_conv2``; the norm after the average is ``norm3``;
- pointwise layers are linear, or convolutions of 1 x 1 with the same numbers;
- version 2 has ``grn.gamma`` and ``grn.beta`` of shape ``(width)`` and no layer scale;
- exact GELU, LayerNorm epsilon 1e-6, ImageNet's mean and std.
"""

from __future__ import annotations

from torch import Tensor

from toprung.checkpoints.dialects import IMAGENET, Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "MMPretrain ConvNeXt"

_BLOCK = "stages.{i}.{j}"
_OURS = "stages.{i}.blocks.{j}"
TABLE = NameTable(
    [
        ("downsample_layers.0.{k}", "stem.{k}"),
        ("downsample_layers.{i}.{k}", "stages.{i}.downsample.{k}"),
        (f"{_BLOCK}.depthwise_conv", f"{_OURS}.conv_dw"),
        (f"{_BLOCK}.norm", f"{_OURS}.norm"),
        (f"{_BLOCK}.pointwise_conv1", f"{_OURS}.mlp.fc1"),
        (f"{_BLOCK}.pointwise_conv2", f"{_OURS}.mlp.fc2"),
        (f"{_BLOCK}.grn.gamma", f"{_OURS}.mlp.grn.weight"),
        (f"{_BLOCK}.grn.beta", f"{_OURS}.mlp.grn.bias"),
        (f"{_BLOCK}.gamma", f"{_OURS}.gamma"),
        ("norm3", "head.norm"),
        ("head.fc", "head.fc"),
    ]
)
_BACKBONE = "backbone."
_MARKS = {
    "downsample_layers.0.0.weight",
    "stages.0.0.depthwise_conv.weight",
    "stages.0.0.pointwise_conv1.weight",
}


def recognise(file: WeightsFile) -> bool:
    """Recognise the depthwise and pointwise layers of a block, bare or under ``backbone.``."""
    return {name.removeprefix(_BACKBONE) for name in file.tensors} >= _MARKS


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename, and give the pointwise layers the form that the model has."""
    prefix = _BACKBONE if any(name.startswith(_BACKBONE) for name in file.tensors) else ""
    kept: dict[str, Tensor] = {}
    theirs: dict[str, str] = {}
    dropped, leftover = [], []
    for name, tensor in file.tensors.items():
        inner = name.removeprefix(prefix)
        if name.startswith("neck."):
            dropped.append((name, "neck of pretraining, not needed to classify"))
        elif inner in kept:
            leftover.append(name)
        else:
            kept[inner], theirs[inner] = tensor, name
    renamed = TABLE.rename(kept)
    return Translation(
        {name: _pointwise(name, tensor, target) for name, tensor in renamed.state.items()},
        dropped=tuple(dropped),
        leftover=(*leftover, *(theirs[name] for name in renamed.leftover)),
        preprocessing=dict(IMAGENET),
        conventions=Conventions(activation="gelu", norm_eps=1e-6),
        trained_for="a classifier" if "head.fc.weight" in renamed.state else "no classifier",
    )


def _pointwise(name: str, tensor: Tensor, target: Target | None) -> Tensor:
    """Return a linear layer's kernel as a convolution's of 1 x 1 or the other way round, where the model wants that."""
    if not name.endswith((".mlp.fc1.weight", ".mlp.fc2.weight")):
        return tensor
    matrix = tensor.flatten(1) if tuple(tensor.shape[2:]) == (1, 1) else tensor
    own = target.shapes.get(name) if target is not None else None
    if own is not None and tuple(own[2:]) == (1, 1) and matrix.ndim == 2:
        return matrix[:, :, None, None]
    return matrix
