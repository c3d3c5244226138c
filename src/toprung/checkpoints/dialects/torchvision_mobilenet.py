"""MobileNet V2 and V3 of torchvision.

Facts:

- ``features`` numbers the blocks through; timm numbers stage and block;
- a block of V2 is ``conv``: expansion and depthwise as pairs with their norm, then projection and norm alone. A block
  of V3 is ``block``: pairs throughout, with squeeze-and-excitation (``fc1``, ``fc2``) before the last, where there is
  one. Blocks that do not expand lack the first pair;
- the last convolution of V2 is timm's ``conv_head``; that of V3 is a stage of its own, and ``conv_head`` is the first
  layer of ``classifier``, a matrix here and a 1×1 convolution in timm;
- convolutions pad evenly, unlike those of timm's ``tf_mobilenetv3``, whose tensors have the same shapes;
- BatchNorm's epsilon is 1e-5 in V2 and 1e-3 in V3; ImageNet's mean and std.
"""

from __future__ import annotations

import re

from toprung.checkpoints.dialects import IMAGENET, Target, Translation
from toprung.checkpoints.dialects._blocks import block_places
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "torchvision MobileNet"

_EXPANDED = (("conv_pw", "bn1"), ("conv_dw", "bn2"), ("conv_pwl", "bn3"))
_UNEXPANDED = (("conv_dw", "bn1"), ("conv_pw", "bn2"))
_SECOND = re.compile(r"features\.(\d+)\.conv\.(\d+)\.weight")
_THIRD = re.compile(r"features\.(\d+)\.block\.(\d+)\.0\.weight")


def recognise(file: WeightsFile) -> bool:
    """Recognise torchvision's blocks, numbered through, and what stands in the first of them."""
    names = file.tensors.keys()
    if not {"features.0.0.weight", "features.0.1.running_mean"} <= names:
        return False
    return bool({"features.1.conv.0.0.weight", "features.1.block.0.0.weight"} & names)


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename by the number of layers in each block."""
    third = "features.1.block.0.0.weight" in file.tensors
    renamed = NameTable(_rules(file, target, third)).rename(file.tensors)
    state = dict(renamed.state)
    head = state.get("conv_head.weight")
    if head is not None and head.ndim == 2:
        state["conv_head.weight"] = head[:, :, None, None]
    epsilon = 1e-3 if third else 1e-5
    return Translation(
        state,
        leftover=renamed.leftover,
        assumptions=(
            f"BatchNorm epsilon {epsilon:g}, as all files of torchvision's MobileNet {'V3' if third else 'V2'}",
        ),
        preprocessing=dict(IMAGENET),
        conventions=Conventions(batch_norm_eps=epsilon),
        same_padding=False,
        trained_for="a classifier" if "classifier.weight" in state else "no classifier",
    )


def _rules(file: WeightsFile, target: Target | None, third: bool) -> list[tuple[str, str]]:
    layers: dict[int, list[int]] = {}  # numbers of the convolutions in each block
    for name, tensor in file.tensors.items():
        found = (_THIRD if third else _SECOND).fullmatch(name)
        if found and tensor.ndim == 4:
            layers.setdefault(int(found[1]), []).append(int(found[2]))
    leaf = "block.{}.0.weight" if third else "conv.{}.weight"
    widths = {block: _width(file, f"features.{block}.{leaf.format(max(convs))}") for block, convs in layers.items()}
    after = max(layers, default=0) + 1
    if third:
        widths[after] = -1  # the last convolution counts as a stage
    rules = [("features.0.0", "conv_stem"), ("features.0.1", "bn1")]
    for block, place in block_places(widths, target).items():
        if block == after:
            rules += [(f"features.{after}.0", f"blocks.{place}.conv"), (f"features.{after}.1", f"blocks.{place}.bn1")]
        else:
            rules += _third_rules(file, block, place) if third else _second_rules(file, block, place)
    if third:
        return [*rules, ("classifier.0", "conv_head"), ("classifier.3", "classifier")]
    head = [(f"features.{after}.0", "conv_head"), (f"features.{after}.1", "bn2"), ("classifier.1", "classifier")]
    return rules + head


def _width(file: WeightsFile, name: str) -> int:
    return file.tensors[name].shape[0]


def _second_rules(file: WeightsFile, block: int, place: str) -> list[tuple[str, str]]:
    theirs, ours = f"features.{block}.conv", f"blocks.{place}"
    parts = _EXPANDED if f"{theirs}.1.0.weight" in file.tensors else _UNEXPANDED
    rules = []
    for number, (convolution, norm) in enumerate(parts[:-1]):
        rules += [(f"{theirs}.{number}.0", f"{ours}.{convolution}"), (f"{theirs}.{number}.1", f"{ours}.{norm}")]
    last, (convolution, norm) = len(parts) - 1, parts[-1]
    return [*rules, (f"{theirs}.{last}", f"{ours}.{convolution}"), (f"{theirs}.{last + 1}", f"{ours}.{norm}")]


def _third_rules(file: WeightsFile, block: int, place: str) -> list[tuple[str, str]]:
    theirs, ours = f"features.{block}.block", f"blocks.{place}"
    squeezed = next((n for n in (1, 2) if f"{theirs}.{n}.fc1.weight" in file.tensors), None)
    expanded = squeezed == 2 or (squeezed is None and f"{theirs}.2.0.weight" in file.tensors)
    rules: list[tuple[str, str]] = []
    if squeezed:
        rules.append((f"{theirs}.{squeezed}.fc1", f"{ours}.se.conv_reduce"))
        rules.append((f"{theirs}.{squeezed}.fc2", f"{ours}.se.conv_expand"))
    for number, (convolution, norm) in enumerate(_EXPANDED if expanded else _UNEXPANDED):
        behind = number + 1 if squeezed is not None and number >= squeezed else number
        rules += [(f"{theirs}.{behind}.0", f"{ours}.{convolution}"), (f"{theirs}.{behind}.1", f"{ours}.{norm}")]
    return rules
