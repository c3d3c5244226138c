"""DINOv3's ConvNeXts (Siméoni et al. 2025, arXiv 2508.10104), files of facebookresearch/dinov3.

Facts:

- bare files with the names of facebookresearch/ConvNeXt, without a head. The last norm is there twice, as ``norm`` and
  as ``norms.3`` (one module under two names), which no other project's ConvNeXt has;
- its features are the average of all places, then the norm: timm's ``head.norm``;
- exact GELU, LayerNorm epsilon 1e-6, ImageNet's mean and std.
"""

from __future__ import annotations

from toprung.checkpoints.dialects import IMAGENET, Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "DINOv3 ConvNeXt"

_BLOCK = "stages.{i}.{j}"
_OURS = "stages.{i}.blocks.{j}"
TABLE = NameTable(
    [
        ("downsample_layers.0.{i}", "stem.{i}"),
        ("downsample_layers.{i}.{j}", "stages.{i}.downsample.{j}"),
        (f"{_BLOCK}.dwconv", f"{_OURS}.conv_dw"),
        (f"{_BLOCK}.norm", f"{_OURS}.norm"),
        (f"{_BLOCK}.pwconv1", f"{_OURS}.mlp.fc1"),
        (f"{_BLOCK}.pwconv2", f"{_OURS}.mlp.fc2"),
        (f"{_BLOCK}.gamma", f"{_OURS}.gamma"),
        ("norm", "head.norm"),
    ]
)


def recognise(file: WeightsFile) -> bool:
    """Recognise ConvNeXt's names with the last norm twice."""
    names = file.tensors.keys()
    last = {name for name in names if name.startswith("norms.")}
    own = any(name.startswith("downsample_layers.") for name in names) and any(".dwconv." in name for name in names)
    return own and bool(last) and last <= {"norms.3.weight", "norms.3.bias"}


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename; the second copy of the last norm is dropped."""
    inner = {name: tensor for name, tensor in file.tensors.items() if not name.startswith("norms.")}
    renamed = TABLE.rename(inner)
    return Translation(
        renamed.state,
        dropped=tuple((name, "the last norm once more") for name in file.tensors if name not in inner),
        leftover=renamed.leftover,
        preprocessing=dict(IMAGENET),
        conventions=Conventions(activation="gelu", norm_eps=1e-6),
        trained_for="DINOv3 self-supervision; no classifier",
        licence="DINOv3 License",
    )
