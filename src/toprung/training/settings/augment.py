"""Random changes to training pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from toprung.training.settings.rule import require


@dataclass(frozen=True)
class AugmentSettings:
    """Random changes to training pictures.

    Attributes:
        scale_min: smallest share of the picture's area that a random crop takes; 1 keeps the whole.
        flip: probability of a left-right flip.
        vertical_flip: probability of an upside-down flip.
        color_jitter: largest relative change of brightness, contrast and saturation.
        auto_augment: ``none``, ``randaugment`` (Cubuk et al. 2020) or ``trivialaugment`` (Müller & Hutter 2021).
        magnitude: of RandAugment, 0 … 10.
        magnitude_std: spread of the magnitude.
        operations: RandAugment operations per picture.
        erasing: probability of random erasing (Zhong et al. 2020).
        mixup: alpha of mixup (Zhang et al. 2018), 0 for none.
        cutmix: alpha of CutMix (Yun et al. 2019), 0 for none.
        mix_probability: share of batches that are mixed when mixup or CutMix is on.
    """

    scale_min: float = 0.35
    flip: float = 0.5
    vertical_flip: float = 0.0
    color_jitter: float = 0.0
    auto_augment: Literal["none", "randaugment", "trivialaugment"] = "none"
    magnitude: float = 9.0
    magnitude_std: float = 0.5
    operations: int = 2
    erasing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    mix_probability: float = 1.0

    def __post_init__(self) -> None:
        require(0 < self.scale_min <= 1, "augment.scale_min", self.scale_min, "in (0, 1]")
        for name in ("flip", "vertical_flip", "erasing", "mix_probability"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"augment.{name}", value, "a probability in [0, 1]")
        require(0 <= self.color_jitter <= 1, "augment.color_jitter", self.color_jitter, "in [0, 1]")
        require(0 <= self.magnitude <= 10, "augment.magnitude", self.magnitude, "in [0, 10]")
        for name in ("magnitude_std", "operations", "mixup", "cutmix"):
            value = getattr(self, name)
            require(value >= 0, f"augment.{name}", value, "0 or more")
