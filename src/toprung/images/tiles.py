"""Where tiles lie that cover a picture: squares of one size that overlap, none of them beyond an edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from toprung.errors import RecipeError


class Box(NamedTuple):
    """A rectangle of a picture, in pixels: ``pixels[top:bottom, left:right]``."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class TileGrid:
    """Tiles of a picture, row by row.

    Attributes:
        height, width: of the picture, in pixels.
        side: of each tile, in pixels.
        tops, lefts: where rows and columns of tiles begin, ascending.
    """

    height: int
    width: int
    side: int
    tops: tuple[int, ...]
    lefts: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.tops) * len(self.lefts)

    @property
    def boxes(self) -> list[Box]:
        """Every tile."""
        return [Box(top, left, top + self.side, left + self.side) for top in self.tops for left in self.lefts]


def cover(height: int, width: int, side: int | None, overlap: float) -> TileGrid:
    """Cover a picture with tiles.

    Tiles begin every ``int((1 - overlap) side)`` pixels; the last of a row and of a column is shifted inwards, so
    that it ends at the edge. That is the scan of MONAI's sliding window. Nothing is padded: of a picture smaller than
    a tile, the tiles are as large as its shorter side.

    Args:
        height, width: of the picture, in pixels, at least 1.
        side: of a tile, in pixels; ``None`` for half the shorter side of the picture.
        overlap: least share of a tile that its neighbour has too, in [0, 1).

    Raises:
        RecipeError: a side below 1, or an overlap outside [0, 1).
    """
    if not 0 <= overlap < 1:
        raise RecipeError(f"overlap = {overlap!r} is not allowed: it must be at least 0 and below 1, such as 0.25.")
    if side is not None and side < 1:
        raise RecipeError(f"tile side = {side!r} is not allowed: it must be at least 1 pixel.")
    shorter = min(height, width)
    chosen = max(shorter // 2, 1) if side is None else min(side, shorter)
    return TileGrid(height, width, chosen, _starts(height, chosen, overlap), _starts(width, chosen, overlap))


def _starts(length: int, side: int, overlap: float) -> tuple[int, ...]:
    step = max(int(side * (1 - overlap)), 1)
    return (*range(0, length - side, step), length - side)
