"""VGGs of torchvision (vgg11, ..., vgg19_bn).

Facts:

- ``features`` has timm's names; ``classifier.0`` and ``classifier.3`` are matrices on the flattened 7×7 places, in timm
  convolutions ``pre_logits.fc1`` (7×7) and ``pre_logits.fc2`` (1×1); ``classifier.6`` is the head;
- BatchNorm's epsilon (``_bn``) is 1e-5; ImageNet's mean and std.
"""

from __future__ import annotations

from toprung.checkpoints.dialects import IMAGENET, Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "torchvision VGG"

TABLE = NameTable(
    [
        ("features.{i}", "features.{i}"),
        ("classifier.0", "pre_logits.fc1"),
        ("classifier.3", "pre_logits.fc2"),
        ("classifier.6", "head.fc"),
    ]
)
_SIDE = 7


def recognise(file: WeightsFile) -> bool:
    """Recognise two hidden layers behind numbered convolutions."""
    return {"features.0.weight", "features.0.bias", "classifier.0.weight", "classifier.3.weight"} <= file.tensors.keys()


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename; make convolutions of the matrices."""
    renamed = TABLE.rename(file.tensors)
    state = dict(renamed.state)
    first, second = state.get("pre_logits.fc1.weight"), state.get("pre_logits.fc2.weight")
    if first is not None and first.ndim == 2 and first.shape[1] % _SIDE**2 == 0:
        state["pre_logits.fc1.weight"] = first.unflatten(1, (-1, _SIDE, _SIDE))
    if second is not None and second.ndim == 2:
        state["pre_logits.fc2.weight"] = second[:, :, None, None]
    return Translation(
        state,
        leftover=renamed.leftover,
        preprocessing=dict(IMAGENET),
        conventions=Conventions(batch_norm_eps=1e-5),
        trained_for="a classifier" if "head.fc.weight" in state else "no classifier",
    )
