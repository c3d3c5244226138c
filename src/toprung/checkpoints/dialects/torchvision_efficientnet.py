"""EfficientNet B0 to B7 and EfficientNetV2 S, M and L of torchvision.

Facts:

- ``features`` counts the stem, the stages and the last convolution; ``features.i.j.block`` is a sequence whose places
  depend on the kind of block: expansion, depthwise, squeeze-and-excitation, projection; without the first where
  nothing is expanded; in V2's early stages expansion (not depthwise) and projection, or a single convolution;
- convolutions pad evenly, also in V2: the architectures are timm's ``efficientnet_b0`` ... ``efficientnet_b7`` and
  ``efficientnetv2_s``, ``_m`` and ``_l``, and not those with ``tf_`` in front, whose tensors have the same shapes;
- BatchNorm's epsilon is 1e-5 in B0 to B4 and 1e-3 in B5 to B7 (last convolution of 2,048 and more) and in V2;
- ImageNet's mean and std, but for V2-L (stem of 32) with 0.5.
"""

from __future__ import annotations

import re

from toprung.checkpoints.dialects import HALF, IMAGENET, Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "torchvision EfficientNet"

_SQUEEZE = {"fc1": "se.conv_reduce", "fc2": "se.conv_expand"}
_EXPANDED = {
    "0.0": "conv_pw",
    "0.1": "bn1",
    "1.0": "conv_dw",
    "1.1": "bn2",
    **{f"2.{theirs}": ours for theirs, ours in _SQUEEZE.items()},
    "3.0": "conv_pwl",
    "3.1": "bn3",
}
_UNEXPANDED = {
    "0.0": "conv_dw",
    "0.1": "bn1",
    **{f"1.{theirs}": ours for theirs, ours in _SQUEEZE.items()},
    "2.0": "conv_pw",
    "2.1": "bn2",
}
_FUSED = {"0.0": "conv_exp", "0.1": "bn1", "1.0": "conv_pwl", "1.1": "bn2"}
_SINGLE = {"0.0": "conv", "0.1": "bn1"}
_BLOCK = re.compile(r"features\.(\d+)\.(\d+)\.block\.0\.0\.weight")
_WIDE = 2048  # of the last convolution, from B5 on


def recognise(file: WeightsFile) -> bool:
    """Recognise torchvision's blocks within blocks, with a last convolution of their counting."""
    names = file.tensors.keys()
    if not {"features.0.0.weight", "features.0.1.running_mean", "features.1.0.block.0.0.weight"} <= names:
        return False
    return f"features.{_last(file)}.1.running_mean" in names and any(".fc1." in name for name in names)


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename by the kind of each block."""
    state = file.tensors
    renamed = _table(file).rename(state)
    last = state.get(f"features.{_last(file)}.0.weight")
    stem = state["features.0.0.weight"]
    fused = any(name.endswith((".conv.weight", ".conv_exp.weight")) for name in renamed.state)
    large = fused and stem.shape[0] == 32
    wide = last is not None and last.shape[0] >= _WIDE
    epsilon = 1e-3 if fused or wide else 1e-5
    return Translation(
        renamed.state,
        leftover=renamed.leftover,
        assumptions=(f"BatchNorm epsilon {epsilon:g}, as all files of torchvision of this size",),
        preprocessing=dict(HALF if large else IMAGENET),
        conventions=Conventions(batch_norm_eps=epsilon),
        same_padding=False,
        trained_for="a classifier" if "classifier.weight" in renamed.state else "no classifier",
    )


def _last(file: WeightsFile) -> int:
    """Return the number of the last convolution: one more than that of the last stage."""
    return 1 + max((int(found[1]) for name in file.tensors if (found := _BLOCK.fullmatch(name))), default=-1)


def _table(file: WeightsFile) -> NameTable:
    last = _last(file)
    rules = [
        ("features.0.0", "conv_stem"),
        ("features.0.1", "bn1"),
        (f"features.{last}.0", "conv_head"),
        (f"features.{last}.1", "bn2"),
        ("classifier.1", "classifier"),
    ]
    for name in file.tensors:
        found = _BLOCK.fullmatch(name)
        if found:
            theirs, ours = f"features.{found[1]}.{found[2]}.block", f"blocks.{int(found[1]) - 1}.{found[2]}"
            rules += [(f"{theirs}.{part}", f"{ours}.{place}") for part, place in _kind(file, theirs).items()]
    return NameTable(rules)


def _kind(file: WeightsFile, block: str) -> dict[str, str]:
    if f"{block}.3.0.weight" in file.tensors:
        return _EXPANDED
    if f"{block}.1.fc1.weight" in file.tensors:
        return _UNEXPANDED
    return _FUSED if f"{block}.1.0.weight" in file.tensors else _SINGLE
