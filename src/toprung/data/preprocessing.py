"""What a model expects of its input; saved with it, so that nothing need be typed again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Preprocessing:
    """From a picture to an input tensor.

    Attributes:
        size: height and width of the input in pixels.
        mean, std: per channel, on pixel values scaled to [0, 1].
        interpolation: ``bilinear``, ``bicubic`` or ``lanczos``, antialiased.
        crop_pct: the input's share of the resized picture, in (0, 1].
        crop_mode: ``center``, ``squash`` or ``border``, as in timm.
        background: colour under transparent pixels, red, green, blue in 0 … 255.
    """

    size: tuple[int, int]
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    interpolation: str = "bicubic"
    crop_pct: float = 0.875
    crop_mode: str = "center"
    background: tuple[int, int, int] = (255, 255, 255)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Preprocessing:
        """Read what :meth:`to_json` wrote."""
        plain: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        return cls(**plain)
