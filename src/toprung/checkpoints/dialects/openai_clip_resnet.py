"""CLIP's ResNets as OpenAI and OpenCLIP write them (Radford et al. 2021, arXiv 2103.00020).

Facts:

- the tower hangs under ``visual.`` beside the text tower, like CLIP's transformers;
- three convolutions and an average begin it (``conv1`` to ``conv3``, ``bn1`` to ``bn3``); averages stand before the
  convolutions that other ResNets stride, also in ``downsample``, whose parts are ``0`` (convolution) and ``1`` (norm);
- ``attnpool`` pools by attention over the average and all places, heads 64 wide; ``c_proj`` behind it leads into the
  space shared with texts. timm has it as the head of ``resnet*_clip``; its ``resnet*_clip_gap`` average instead;
- ReLU: quick GELU concerns only the text tower; BatchNorm epsilon 1e-5; CLIP's own mean and std.
"""

from __future__ import annotations

from toprung.checkpoints.dialects import CLIP, Target, Translation
from toprung.checkpoints.dialects._clip import (
    AS_HEAD,
    PROJECTION,
    TRAINED_FOR,
    is_openai,
    preprocessing,
    reason_outside,
)
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "CLIP ResNet"

_STAGES = 4
_KERNELS = {1: "conv1_1x1", 2: "conv2_kxk", 3: "conv3_1x1"}


def _stage(number: int) -> list[tuple[str, str]]:
    theirs, ours = f"layer{number}.{{i}}", f"stages.{number - 1}.{{i}}"
    inside = [
        pair
        for place, name in _KERNELS.items()
        for pair in ((f"{theirs}.conv{place}", f"{ours}.{name}.conv"), (f"{theirs}.bn{place}", f"{ours}.{name}.bn"))
    ]
    return [
        *inside,
        (f"{theirs}.downsample.0", f"{ours}.shortcut.conv.conv"),
        (f"{theirs}.downsample.1", f"{ours}.shortcut.conv.bn"),
    ]


TABLE = NameTable(
    [
        *((f"conv{place}", f"stem.conv{place}.conv") for place in _KERNELS),
        *((f"bn{place}", f"stem.conv{place}.bn") for place in _KERNELS),
        *(rule for number in range(1, _STAGES + 1) for rule in _stage(number)),
        ("attnpool.positional_embedding", "head.pos_embed"),
        *((f"attnpool.{part}_proj", f"head.{part}") for part in ("q", "k", "v")),
        ("attnpool.c_proj", "head.proj"),
    ]
)

_PREFIX = "visual."
_MARKS = ("conv1.weight", "conv3.weight", "layer1.0.conv1.weight", "attnpool.positional_embedding")
_POOL = "attnpool."
_PROJECTION = "attnpool.c_proj."


def recognise(file: WeightsFile) -> bool:
    """Recognise three first convolutions and the attention pooling, with or without ``visual.`` in front."""
    return any(all(prefix + mark in file.tensors for mark in _MARKS) for prefix in (_PREFIX, ""))


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Keep the picture tower, without its pooling where the model averages."""
    prefix = _PREFIX if _PREFIX + _MARKS[0] in file.tensors else ""
    averages = target is not None and "head.pos_embed" not in target.shapes
    projects = _is_head_of(file, prefix, target)
    dropped, leftover, tower = [], [], {}
    for name, tensor in file.tensors.items():
        inner = name.removeprefix(prefix)
        if not name.startswith(prefix):
            if reason := reason_outside(name):
                dropped.append((name, reason))
            else:
                leftover.append(name)
        elif inner.startswith(_POOL) and averages:
            dropped.append((name, "attention pooling; the model pools by average"))
        elif inner.startswith(_PROJECTION) and not projects:
            dropped.append((name, PROJECTION))
        else:
            tower[inner] = tensor
    renamed = TABLE.rename(tower)
    return Translation(
        renamed.state,
        dropped=tuple(dropped),
        leftover=(*leftover, *(prefix + name for name in renamed.leftover)),
        assumptions=(AS_HEAD,) if projects else (),
        preprocessing=dict(CLIP) | preprocessing(file),
        conventions=Conventions(batch_norm_eps=1e-5),
        trained_for=TRAINED_FOR,
        licence="MIT" if is_openai(file) else "",
    )


def _is_head_of(file: WeightsFile, prefix: str, target: Target | None) -> bool:
    weight = file.tensors.get(f"{prefix}{_PROJECTION}weight")
    if target is None or weight is None or "head.pos_embed" not in target.shapes:
        return False
    return target.shapes.get("head.proj.weight") == weight.shape
