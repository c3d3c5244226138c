"""A classifier of large pictures: it looks at overlapping tiles and merges what it sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toprung.data.tile_inputs import LargePicture, tile_inputs
from toprung.errors import UnreadableImage
from toprung.evaluation.blending import tile_portions
from toprung.evaluation.merging import log_probabilities, merge_of
from toprung.evaluation.tiling import Tiling
from toprung.images.tiles import TileGrid, cover
from toprung.runs.grouping import ask
from toprung.runs.wrapping import PictureClassifier, Streamed, WrappingClassifier

# Pictures that are worked on together: they may be held in memory decoded, so few large ones, but many small ones.
_PIXELS_TOGETHER = 1 << 26
_PICTURES_TOGETHER = 64


@dataclass(frozen=True)
class TiledAnswer:
    """What was said of one picture.

    Attributes:
        source: the picture, as it was given.
        grid: where its tiles lie.
        tiles: ``(T, C)`` float64 probabilities of the tiles, in the order of ``grid.boxes``.
        merged: ``(C,)`` float64 probabilities of the picture.
    """

    source: Any
    grid: TileGrid
    tiles: NDArray[np.float64]
    merged: NDArray[np.float64]


class TiledClassifier(WrappingClassifier):
    """Classifies overlapping tiles of a picture and merges their probabilities; its logits are ``log p``.

    Memory stays bounded: a picture is decoded once, only as finely as its tiles need it, and forgotten after its last
    tile; ``batch_size`` tiles go through the model at once.

    Args:
        inner: the classifier that sees each tile.
        tiling: how pictures are cut, and how answers are merged.
        on_picture: told of each picture's tiles before its merged answer is handed out.
    """

    def __init__(
        self, inner: PictureClassifier, tiling: Tiling, on_picture: Callable[[TiledAnswer], None] | None = None
    ) -> None:
        super().__init__(inner)
        self.tiling = tiling
        self._on_picture = on_picture

    def stream(self, paths: Sequence[Any], *, batch_size: int, threads: int | None = None) -> Iterator[Streamed]:
        """Yield rows, logits and unreadable pictures, in order; ``batch_size`` tiles go through the model at once."""
        for group in _groups(paths):
            unreadable = {row: reason for row, _, reason in group if reason}
            readable = [(row, picture) for row, picture, _ in group if picture is not None]
            merged: dict[int, NDArray[np.float32]] = {}
            for row, answer in self._answers(readable, paths, batch_size, threads):
                if isinstance(answer, str):
                    unreadable[row] = answer
                else:
                    merged[row] = log_probabilities(answer.merged)
                    if self._on_picture:
                        self._on_picture(answer)
            logits = np.array(list(merged.values()), dtype=np.float32).reshape(len(merged), len(self.classes))
            yield list(merged), logits, sorted(unreadable.items())

    def _answers(
        self, pictures: Sequence[tuple[int, LargePicture]], paths: Sequence[Any], batch_size: int, threads: int | None
    ) -> Iterator[tuple[int, TiledAnswer | str]]:
        """Yield each picture's row with its answer, or with the reason why there is none."""
        grids = [cover(one.height, one.width, self.tiling.side, self.tiling.overlap) for _, one in pictures]
        inputs = [
            tile_inputs(picture, grid, with_whole=self.tiling.with_whole)
            for (_, picture), grid in zip(pictures, grids, strict=True)
        ]
        for answers in ask(self.inner, inputs, batch_size=batch_size, threads=threads):
            for one in answers:
                row = pictures[one.picture][0]
                yield row, one.reason or self._merged(paths[row], grids[one.picture], one.shares)

    def _merged(self, source: Any, grid: TileGrid, shares: NDArray[np.float64]) -> TiledAnswer:
        tiles = shares[: len(grid)]
        merged = merge_of(self.tiling.merge)(tiles, tile_portions(grid, self.tiling.importance))
        if self.tiling.with_whole:
            merged = (merged + shares[-1]) / 2
        return TiledAnswer(source, grid, tiles, merged)


def with_tiles(
    classifier: PictureClassifier, tiling: Tiling | None, on_picture: Callable[[TiledAnswer], None] | None = None
) -> PictureClassifier:
    """Return the classifier with tiles around it, or itself, untouched, where there is no tiling."""
    return TiledClassifier(classifier, tiling, on_picture) if tiling else classifier


def _groups(paths: Sequence[Any]) -> Iterator[list[tuple[int, LargePicture | None, str]]]:
    """Yield pictures that are worked on together: their rows, headers, and the reason where one cannot be read."""
    group: list[tuple[int, LargePicture | None, str]] = []
    pixels = 0
    for row, path in enumerate(paths):
        picture, reason = None, ""
        try:
            picture = LargePicture(path)
        except UnreadableImage as error:
            reason = str(error)
        size = picture.height * picture.width if picture else 0
        if group and (pixels + size > _PIXELS_TOGETHER or len(group) == _PICTURES_TOGETHER):
            yield group
            group, pixels = [], 0
        group.append((row, picture, reason))
        pixels += size
    if group:
        yield group
