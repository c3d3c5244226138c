"""OpenCLIP models whose picture tower is one of timm's (SigLIP, EVA-02, ConvNeXt, MobileCLIP).

Facts:

- the tower hangs under ``visual.trunk.`` with timm's names; activation and norms are those of timm's model of that
  name (OpenCLIP's ``quick_gelu`` does not reach it);
- ``visual.head.`` pools and leads into the space shared with texts; where the configuration has no ``timm_proj``
  (EVA-02, MobileCLIP) the trunk's own head does that, and is no classifier; with ``none`` (SigLIP) nothing does;
- the text tower hangs under ``text.`` or, in older models, lies at the top;
- mean and std differ between these models: ``open_clip_config.json`` says them.
"""

from __future__ import annotations

from toprung.checkpoints.dialects import Target, Translation
from toprung.checkpoints.dialects._clip import AS_HEAD, TRAINED_FOR, preprocessing, reason_outside
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import under

NAME = "OpenCLIP around timm"

_PREFIX = "visual.trunk."
_HEAD = "visual.head."
_PROJECTION = "projection into the space shared with texts"
_TRUNK_HEADS = ("head.weight", "head.fc.weight", "head.proj.weight", "fc.weight", "classifier.weight")


def recognise(file: WeightsFile) -> bool:
    """Recognise a trunk under ``visual.``."""
    return any(name.startswith(_PREFIX) for name in file.tensors)


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Keep the trunk; its own head is a projection, kept where the model has one of the same shape."""
    dropped, leftover = [], []
    for name in file.tensors:
        if name.startswith(_PREFIX):
            continue
        if reason := _PROJECTION if name.startswith(_HEAD) else reason_outside(name):
            dropped.append((name, reason))
        else:
            leftover.append(name)
    trunk = under(file.tensors, _PREFIX)
    told = ["activation, norm epsilon, number of heads and pooling are the model's own: no tensor tells them"]
    for weight in (name for name in _TRUNK_HEADS if name in trunk):
        own = target.shapes.get(weight) if target is not None else None
        if own == trunk[weight].shape:
            told.append(AS_HEAD)
        else:
            for name in (weight, weight.removesuffix("weight") + "bias"):
                if trunk.pop(name, None) is not None:
                    dropped.append((_PREFIX + name, f"{_PROJECTION}; the model's head is another"))
    return Translation(
        trunk,
        dropped=tuple(dropped),
        leftover=tuple(leftover),
        assumptions=tuple(told),
        preprocessing=preprocessing(file),
        trained_for=TRAINED_FOR,
    )
