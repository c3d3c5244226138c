"""Fit a translated state to one model: each file here changes one kind of tensor, and says what it changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from toprung.checkpoints.dialects import Target, Translation
from toprung.checkpoints.report import Resized


@dataclass
class Workpiece:
    """A state on its way into a model.

    Attributes:
        state: tensors by the model's names; the adapting functions put others in their places.
        target: the model.
        translation: what the dialect knows.
        resized: what was changed.
        dropped: names (the model's) taken out of the state, with reasons.
        spare: names of the model that may keep their initial values.
    """

    state: dict[str, Tensor]
    target: Target
    translation: Translation
    resized: list[Resized] = field(default_factory=list)
    dropped: list[tuple[str, str]] = field(default_factory=list)
    spare: set[str] = field(default_factory=set)

    @property
    def model(self) -> Any:
        """The model, whose attributes depend on its class."""
        return self.target.module

    def put(self, name: str, tensor: Tensor, method: str) -> None:
        """Put a changed tensor in the place of the old one, and note how it was made."""
        self.resized.append(Resized(name, tuple(self.state[name].shape), tuple(tensor.shape), method))
        self.state[name] = tensor

    def drop(self, name: str, reason: str) -> None:
        """Take a tensor out."""
        del self.state[name]
        self.dropped.append((name, reason))


def target_of(model: nn.Module) -> Target:
    """Return the model as dialects and adapting functions look at it."""
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    return Target(shapes, type(model).__name__, model)
