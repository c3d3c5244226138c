"""ResNet, ResNeXt and Wide ResNet of OpenMMLab's MMPretrain (and MMClassification before it), with their variants C, D.

Facts:

- files are ``{"meta", "state_dict"}``; the network lies under ``backbone.`` with torchvision's (and timm's) names, the
  classifier is ``head.fc``;
- the deep stem of ResNetV1c and ResNetV1d is ``stem``, three convolutions with a norm each (``stem.0.conv``,
  ``stem.0.bn``); in timm the sequence ``conv1`` and, for the last norm, ``bn1``;
- ResNetV1d averages in front of a shortcut's convolution where the stride is not 1. Its sequence is one place longer
  there; timm's has a place for the average always;
- the stride of a bottleneck lies in its 3 x 3 convolution (``style="pytorch"``), as in timm. With ``style="caffe"`` it
  lies in the first one: no tensor tells, the configuration in ``meta`` may;
- BatchNorm's epsilon is 1e-5; ImageNet's mean and std.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from toprung.checkpoints.dialects import IMAGENET, Target, Translation
from toprung.checkpoints.dialects._openmmlab import configuration
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "MMPretrain ResNet"

TABLE = NameTable(
    [
        ("backbone.conv1", "conv1"),
        ("backbone.bn1", "bn1"),
        ("backbone.stem.0.conv", "conv1.0"),
        ("backbone.stem.0.bn", "conv1.1"),
        ("backbone.stem.1.conv", "conv1.3"),
        ("backbone.stem.1.bn", "conv1.4"),
        ("backbone.stem.2.conv", "conv1.6"),
        ("backbone.stem.2.bn", "bn1"),
        ("backbone.layer{i}.{j}.downsample.{k}", "layer{i}.{j}.downsample.{k}"),
        ("backbone.layer{i}.{j}.conv{k}", "layer{i}.{j}.conv{k}"),
        ("backbone.layer{i}.{j}.bn{k}", "layer{i}.{j}.bn{k}"),
        ("head.fc", "fc"),
    ]
)
_FIRST = "backbone.layer1.0.conv1.weight"
_DEEP = "backbone.stem.0.conv.weight"
_PLAIN_MARKS = {"backbone.conv1.weight", "head.fc.weight"}
_SHORTCUT = re.compile(r"(?P<place>.+\.downsample\.)(?P<number>[01])(?P<leaf>\..+)")


def recognise(file: WeightsFile) -> bool:
    """Recognise a ResNet under ``backbone.`` beside its classifier, or one with the deep stem."""
    names = file.tensors.keys()
    return _FIRST in names and (_DEEP in names or names >= _PLAIN_MARKS)


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename; make room for the averages that ResNetV1d does not count."""
    dropped = [(name, "neck of pretraining, not needed to classify") for name in file.tensors if _is_neck(name)]
    averages = any(name.endswith(".downsample.2.weight") for name in file.tensors)
    kept: dict[str, Tensor] = {}
    theirs: dict[str, str] = {}
    leftover = []
    for name, tensor in file.tensors.items():
        place = _with_average(name, file.tensors) if averages else name
        if _is_neck(name):
            continue
        if place in kept:
            leftover.append(name)
        else:
            kept[place], theirs[place] = tensor, name
    renamed = TABLE.rename(kept)
    return Translation(
        renamed.state,
        dropped=tuple(dropped),
        leftover=(*leftover, *(theirs[name] for name in renamed.leftover)),
        assumptions=("a bottleneck's stride lies in its 3 x 3 convolution, MMPretrain's default; no tensor tells it",),
        preprocessing=dict(IMAGENET),
        conventions=Conventions(batch_norm_eps=1e-5),
        trained_for="a classifier" if "fc.weight" in renamed.state else "no classifier",
        licence="Apache 2.0",
        unfit=_unfit(file.entries),
    )


def _is_neck(name: str) -> bool:
    return name.startswith("neck.")


def _with_average(name: str, tensors: Mapping[str, Tensor]) -> str:
    """Return the name of a shortcut's layer as if an average stood in front of its convolution."""
    found = _SHORTCUT.fullmatch(name)
    if found is None or f"{found['place']}2.weight" in tensors:
        return name
    return f"{found['place']}{int(found['number']) + 1}{found['leaf']}"


def _unfit(entries: Mapping[str, Any]) -> str:
    if re.search(r"style\s*=\s*['\"]caffe['\"]", configuration(entries)):
        return "its configuration puts a bottleneck's stride in the first convolution (caffe), the model in the second."
    return ""
