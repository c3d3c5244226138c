"""Which pictures are used for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from toprung.training.settings.rule import require


@dataclass(frozen=True)
class DataSettings:
    """Which pictures are used for what, and how they are opened.

    Attributes:
        val_fraction: share of the training pictures set aside for validation when the source has no val split.
        test_fraction: share set aside for the final score when the source has no test split.
        folds: number of folds for k-fold validation, 0 for a plain split.
        fold: which fold (0-based) validates.
        on_unreadable: leave unreadable files out (``skip``) or stop (``error``).
        refuse_leaks: stop when the same picture stands in two splits.
        keep_duplicates_together: near-duplicates never stand on two sides of a split that toprung makes.
        background: colour under transparent pixels, ``#rrggbb``.
        cache: keep decoded pictures in memory (``ram``), in a memory-mapped file (``disk``), not (``off``),
            or in memory when they take less than a quarter of what is free (``auto``).
        threads: decoding threads, 0 for one per core.
        balanced: draw classes equally often instead of pictures.
    """

    val_fraction: float = 0.2
    test_fraction: float = 0.0
    folds: int = 0
    fold: int = 0
    on_unreadable: Literal["skip", "error"] = "skip"
    refuse_leaks: bool = False
    keep_duplicates_together: bool = True
    background: str = "#ffffff"
    cache: Literal["auto", "off", "ram", "disk"] = "auto"
    threads: int = 0
    balanced: bool = False

    def __post_init__(self) -> None:
        require(0 < self.val_fraction < 1, "data.val_fraction", self.val_fraction, "between 0 and 1")
        require(0 <= self.test_fraction < 1, "data.test_fraction", self.test_fraction, "in [0, 1)")
        require(
            self.val_fraction + self.test_fraction < 1,
            "data.val_fraction + data.test_fraction",
            self.val_fraction + self.test_fraction,
            "below 1, so that training pictures remain",
        )
        require(self.folds == 0 or self.folds >= 2, "data.folds", self.folds, "0 (off) or at least 2")
        rule = f"in 0 … {self.folds - 1}" if self.folds else "0 unless data.folds is given"
        require(0 <= self.fold < max(self.folds, 1), "data.fold", self.fold, rule)
        require(self.threads >= 0, "data.threads", self.threads, "0 (one per core) or more")
        require(_is_colour(self.background), "data.background", self.background, "a colour like #ffffff")

    @property
    def background_rgb(self) -> tuple[int, int, int]:
        """The background as three numbers in 0 … 255."""
        red, green, blue = (int(self.background[i : i + 2], 16) for i in (1, 3, 5))
        return red, green, blue


def _is_colour(text: str) -> bool:
    if len(text) != 7 or text[0] != "#":
        return False
    return all(digit in "0123456789abcdefABCDEF" for digit in text[1:])
