"""Big Transfer (Kolesnikov et al. 2020, arXiv 1912.11370), npz files of google-research/big_transfer.

Facts:

- names lie under ``resnet/``: ``root_block``, then ``block1`` to ``block4`` with ``unit01`` and so on, counted from 1;
- a unit's layers are ``a``, ``b`` and ``c``, each with the ``group_norm`` in front of its ``standardized_conv2d``; the
  first unit of a block has ``a/proj``, too;
- kernels are (h, w, in, out), the classifier among them: it is a convolution of 1 x 1, in timm as well;
- convolutions are standardised with an epsilon of 1e-10 (timm's ``resnetv2_*_bit``: 1e-8), groups are 32;
- the stem pads by one pixel in front of the pooling, as
  ``resnetv2_*_bit`` does and timm's other ResNetV2 do not;
- mean and std 0.5; a fresh head starts from zeros.
"""

from __future__ import annotations

import re

from torch import Tensor

from toprung.checkpoints.dialects import HALF, HeadStart, Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "BiT (JAX npz)"

_CONV = "standardized_conv2d/kernel"
_PREFIX = "resnet/"
_UNIT = f"{_PREFIX}block{{i}}/unit{{j}}/"
_NORM = (("gamma", "weight"), ("beta", "bias"))
TABLE = NameTable(
    [
        (f"{_PREFIX}root_block/{_CONV}", "stem.conv.weight"),
        *((f"{_PREFIX}group_norm/{theirs}", f"norm.{ours}") for theirs, ours in _NORM),
        (f"{_PREFIX}head/conv2d/kernel", "head.fc.weight"),
        (f"{_PREFIX}head/conv2d/bias", "head.fc.bias"),
        (f"{_UNIT}a/proj/{_CONV}", "stages.{i}.blocks.{j}.downsample.conv.weight"),
        *(
            (f"{_UNIT}{layer}/{_CONV}", f"stages.{{i}}.blocks.{{j}}.conv{number}.weight")
            for number, layer in enumerate("abc", start=1)
        ),
        *(
            (f"{_UNIT}{layer}/group_norm/{theirs}", f"stages.{{i}}.blocks.{{j}}.norm{number}.{ours}")
            for number, layer in enumerate("abc", start=1)
            for theirs, ours in _NORM
        ),
    ]
)
_PLACE = re.compile(r"block(\d+)/unit(\d+)/")
_MARKS = {f"root_block/{_CONV}", f"block1/unit01/a/{_CONV}"}


def recognise(file: WeightsFile) -> bool:
    """Recognise the stem and the first unit."""
    return {name.removeprefix(_PREFIX) for name in file.tensors} >= _MARKS


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Count from zero, rename, and turn every kernel as PyTorch keeps it."""
    theirs: dict[str, str] = {}
    leftover = []
    for name in file.tensors:
        ours = _PREFIX + _from_zero(name.removeprefix(_PREFIX))
        if ours in theirs:
            leftover.append(name)
        else:
            theirs[ours] = name
    renamed = TABLE.rename({ours: turned(file.tensors[name]) for ours, name in theirs.items()})
    head = renamed.state.get("head.fc.weight")
    return Translation(
        renamed.state,
        leftover=(*leftover, *(theirs[name] for name in renamed.leftover)),
        preprocessing=dict(HALF),
        conventions=Conventions(std_conv_eps=1e-10),
        head_start=HeadStart("zeros", source="BiT's fine-tuning"),
        trained_for=_trained_for(head),
        licence="Apache 2.0",
        unfit=_unfit(target),
    )


def turned(tensor: Tensor) -> Tensor:
    """Return a kernel (h, w, in, out) as (out, in, h, w), and any other tensor as it is."""
    return tensor.permute(3, 2, 0, 1) if tensor.ndim == 4 else tensor


def _from_zero(name: str) -> str:
    return _PLACE.sub(lambda found: f"block{int(found[1]) - 1}/unit{int(found[2]) - 1}/", name)


def _unfit(target: Target | None) -> str:
    stem = getattr(target.module, "stem", None) if target is not None else None
    if stem is None or hasattr(stem, "pad"):
        return ""
    return "BiT pads by one pixel in front of the stem's pooling, as timm's resnetv2_*_bit do; this model does not."


def _trained_for(head: Tensor | None) -> str:
    if head is None:
        return "no classifier"
    return {21843: "ImageNet-21k", 1000: "ImageNet-1k"}.get(head.shape[0], f"{head.shape[0]} classes")
