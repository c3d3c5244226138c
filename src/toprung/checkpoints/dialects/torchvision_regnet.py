"""RegNets of torchvision (regnet_x_400mf, ..., regnet_y_128gf), SWAG's among them.

Facts:

- ``trunk_output.block1.block1-0`` is the first block of the first stage, in timm ``s1.b1``; ``f.a``, ``f.b``, ``f.c``
  are its convolutions with their norms, ``f.se`` squeeze-and-excitation (Y only), ``proj`` the shortcut;
- BatchNorm's epsilon is 1e-5; ImageNet's mean and std, also for SWAG, whose licence is CC-BY-NC 4.0;
- ``regnet_x_400mf`` has other widths than timm's ``regnetx_004``: it is ``regnetx_004_tv``.
"""

from __future__ import annotations

import re

from toprung.checkpoints.dialects import IMAGENET, Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "torchvision RegNet"

_BLOCK = re.compile(r"trunk_output\.block(\d+)\.block\1-(\d+)\.f\.a\.0\.weight")
_PARTS = {
    "f.a.0": "conv1.conv",
    "f.a.1": "conv1.bn",
    "f.b.0": "conv2.conv",
    "f.b.1": "conv2.bn",
    "f.se": "se",
    "f.c.0": "conv3.conv",
    "f.c.1": "conv3.bn",
    "proj.0": "downsample.conv",
    "proj.1": "downsample.bn",
}


def recognise(file: WeightsFile) -> bool:
    """Recognise the names of torchvision's blocks."""
    return {"stem.0.weight", "trunk_output.block1.block1-0.f.a.0.weight"} <= file.tensors.keys()


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename; blocks are counted from one in timm."""
    rules = [("stem.0", "stem.conv"), ("stem.1", "stem.bn"), ("fc", "head.fc")]
    for name in file.tensors:
        found = _BLOCK.fullmatch(name)
        if found:
            theirs = f"trunk_output.block{found[1]}.block{found[1]}-{found[2]}"
            ours = f"s{found[1]}.b{int(found[2]) + 1}"
            rules += [(f"{theirs}.{part}", f"{ours}.{place}") for part, place in _PARTS.items()]
    renamed = NameTable(rules).rename(file.tensors)
    swag = "swag" in file.path.name.lower()
    return Translation(
        renamed.state,
        leftover=renamed.leftover,
        preprocessing=dict(IMAGENET),
        conventions=Conventions(batch_norm_eps=1e-5),
        trained_for="a classifier" if "head.fc.weight" in renamed.state else "no classifier",
        licence="CC-BY-NC 4.0 (SWAG): not for commercial use" if swag else "",
    )
