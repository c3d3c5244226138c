"""A small network in front of a classifier that learns how to resize pictures for it.

Legend: B pictures, H × W pixels of the input, h × w pixels of the output, n channels inside, r residual blocks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MethodType
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from toprung.errors import ModelError

PREFIX = "resizer."
"""Names of the resizer's tensors in a model begin so."""

_SLOPE = 0.2  # of LeakyReLU
_LIMITS = {"channels": 1024, "blocks": 64}  # a card from elsewhere cannot ask for the whole memory
_LARGEST_SIDE = 16384


@dataclass(frozen=True)
class ResizerShape:
    """What a resizer is built from; kept in the model's card.

    Attributes:
        out: height and width that the backbone takes, in pixels.
        channels: n, of the features inside.
        blocks: r, residual blocks behind the resizing.
    """

    out: tuple[int, int]
    channels: int = 16
    blocks: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return dataclasses.asdict(self) | {"out": list(self.out)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ResizerShape:
        """Return the shape that :meth:`to_json` wrote.

        Raises:
            ModelError: a name is unknown or missing, or a value is of a wrong kind or range.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        if set(values) != names:
            raise ModelError(f"a resizer is described by {', '.join(sorted(names))}, not {', '.join(sorted(values))}.")
        out = values["out"]
        if not isinstance(out, list | tuple) or len(out) != 2 or not all(_is_count(n, _LARGEST_SIDE) for n in out):
            raise ModelError(f"the resizer's out = {out!r} is not allowed: it must be a height and a width in pixels.")
        for name, most in _LIMITS.items():
            if not _is_count(values[name], most):
                raise ModelError(f"the resizer's {name} = {values[name]!r} is not allowed: it must be in 1 … {most}.")
        return cls(out=(out[0], out[1]), channels=values["channels"], blocks=values["blocks"])


def _is_count(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


class ResidualBlock(nn.Module):
    """Two 3 × 3 convolutions beside a skip, ``(B, n, h, w)`` to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        """Return the features with what the block adds to them."""
        inner = F.leaky_relu(self.norm1(self.conv1(features)), _SLOPE)
        return features + self.norm2(self.conv2(inner))


class LearnableResizer(nn.Module):
    """Pictures of any size to the size that a backbone takes, by bilinear resizing and what is learned beside it.

    The last convolution starts at zero, so that at first the output *is* the bilinearly resized picture and a
    pretrained backbone loses nothing. (The paper does not say how it starts.) Convolutions have no bias: for n = 16
    and r = 1 they hold 11,872 weights, the paper's 11.87 thousand.

    Args:
        shape: output size, channels and blocks.

    Source:
        Talebi & Milanfar 2021, "Learning to resize images for computer vision tasks", arXiv 2103.09950, figure 3.
    """

    def __init__(self, shape: ResizerShape) -> None:
        super().__init__()
        n = shape.channels
        self.out = shape.out
        self.conv1 = nn.Conv2d(3, n, 7, padding=3, bias=False)
        self.conv2 = nn.Conv2d(n, n, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(n)
        self.blocks = nn.Sequential(*(ResidualBlock(n) for _ in range(shape.blocks)))
        self.conv3 = nn.Conv2d(n, n, 3, padding=1, bias=False)
        self.norm3 = nn.BatchNorm2d(n)
        self.conv4 = nn.Conv2d(n, 3, 7, padding=3, bias=False)
        nn.init.zeros_(self.conv4.weight)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return ``(B, 3, h, w)`` for normalised pictures ``(B, 3, H, W)``."""
        features = F.leaky_relu(self.conv1(pictures), _SLOPE)
        features = self.norm2(F.leaky_relu(self.conv2(features), _SLOPE))
        resized = self._bilinear(features)
        refined = self.norm3(self.conv3(self.blocks(resized)))
        return self._bilinear(pictures) + self.conv4(resized + refined)

    def _bilinear(self, x: Tensor) -> Tensor:
        return F.interpolate(x, self.out, mode="bilinear", align_corners=False)


def attach_resizer(model: nn.Module, shape: ResizerShape) -> None:
    """Put a fresh resizer in front of a model, in place, as ``model.resizer``.

    Every other name of the model stays. From then on its pictures are those that the resizer takes. The resizer works
    at the beginning of ``forward_features``, so that it is under the same autocast, compilation and copying as the
    rest, and whoever asks for features alone gets those of the resized picture.

    Raises:
        ModelError: the model has no ``forward_features``, or has a ``resizer`` already.
    """
    if not callable(getattr(model, "forward_features", None)) or hasattr(model, "resizer"):
        raise ModelError(
            f"a learnable resizer cannot be put before {type(model).__name__}; leave model.resizer_size out."
        )
    model.resizer = LearnableResizer(shape)
    # A bound method of the instance: copying the model (for its average) binds the copy's method to the copy.
    model.forward_features = MethodType(_resize_first, model)  # type: ignore[assignment]


def _resize_first(model: Any, pictures: Tensor, *args: Any, **keywords: Any) -> Tensor:
    return type(model).forward_features(model, model.resizer(pictures), *args, **keywords)
