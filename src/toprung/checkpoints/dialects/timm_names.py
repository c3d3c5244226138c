"""timm's own names: the file and the model already agree."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor

from toprung.checkpoints.dialects import Translation

NAME = "timm"


def recognise(names: Collection[str], model_names: Collection[str]) -> bool:
    """Recognise a file of which at least half of the names are the model's own."""
    return 2 * len(set(names) & set(model_names)) >= max(len(names), 1)


def translate(state: Mapping[str, Tensor], model_names: Collection[str]) -> Translation:
    """Return the tensors as they are."""
    return Translation(dict(state))
