"""ConvNeXts of torchvision (convnext_tiny, ..., convnext_large).

Facts:

- ``features`` counts stem, stage, downsampling, stage, ...; a block is a sequence: 0 is the depthwise convolution, 2
  the norm, 3 and 5 the layers of the MLP (permutations and GELU between them hold nothing);
- ``layer_scale`` is ``(width, 1, 1)``, in timm ``(width)``;
- ``classifier.0`` is the norm after the average, ``classifier.2`` the head;
- exact GELU, LayerNorm epsilon 1e-6 everywhere, ImageNet's mean and std.
"""

from __future__ import annotations

from toprung.checkpoints.dialects import IMAGENET, Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "torchvision ConvNeXt"

_STAGES = [
    rule
    for stage in range(4)
    for rule in (
        *([(f"features.{2 * stage}.{{k}}", f"stages.{stage}.downsample.{{k}}")] if stage else []),
        (f"features.{2 * stage + 1}.{{j}}.block.0", f"stages.{stage}.blocks.{{j}}.conv_dw"),
        (f"features.{2 * stage + 1}.{{j}}.block.2", f"stages.{stage}.blocks.{{j}}.norm"),
        (f"features.{2 * stage + 1}.{{j}}.block.3", f"stages.{stage}.blocks.{{j}}.mlp.fc1"),
        (f"features.{2 * stage + 1}.{{j}}.block.5", f"stages.{stage}.blocks.{{j}}.mlp.fc2"),
        (f"features.{2 * stage + 1}.{{j}}.layer_scale", f"stages.{stage}.blocks.{{j}}.gamma"),
    )
]
TABLE = NameTable(
    [
        ("features.0.{k}", "stem.{k}"),
        *_STAGES,
        ("classifier.0", "head.norm"),
        ("classifier.2", "head.fc"),
    ]
)
_MARKS = {"features.0.0.weight", "features.1.0.layer_scale", "features.1.0.block.0.weight", "features.2.1.weight"}


def recognise(file: WeightsFile) -> bool:
    """Recognise torchvision's counting together with a layer scale."""
    return file.tensors.keys() >= _MARKS


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename; flatten the layer scale."""
    renamed = TABLE.rename(file.tensors)
    state = {name: tensor.flatten() if name.endswith(".gamma") else tensor for name, tensor in renamed.state.items()}
    return Translation(
        state,
        leftover=renamed.leftover,
        preprocessing=dict(IMAGENET),
        conventions=Conventions(activation="gelu", norm_eps=1e-6),
        trained_for="a classifier" if "head.fc.weight" in state else "no classifier",
    )
