"""The pictures that an exported model is compared on: the run's own, else drawn ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from toprung.data.arrays import array_batches
from toprung.data.eval_view import EvalView
from toprung.data.preprocessing import Preprocessing
from toprung.data.table_csv import read_table_csv
from toprung.errors import UnreadableImage
from toprung.images.files import open_rgb
from toprung.runs.folder import RunFolder
from toprung.seeding import generator

MOST = 64


class ParityPictures(NamedTuple):
    """Pictures to ask about.

    Attributes:
        sources: files, or arrays ``(H, W, 3)`` uint8; at least one, and all can be read.
        origin: where they are from: ``val``, ``test`` or ``drawn``.
    """

    sources: list[Any]
    origin: str


def parity_pictures(run: Path) -> ParityPictures:
    """Return up to :data:`MOST` pictures of the run's val split, else of its test split, else drawn ones.

    They are spread evenly over the split. Labels are not read: test pictures are looked at, not scored.

    Args:
        run: a run folder; a model folder by itself has no pictures.
    """
    table_file = RunFolder(run).table_file
    if table_file.is_file():
        table = read_table_csv(table_file)
        for split in ("val", "test"):
            there = [path for path in _spread(table.split(split).paths) if _can_be_read(path)]
            if there:
                return ParityPictures(there, split)
    return ParityPictures(_drawn(), "drawn")


def inputs_of(sources: Sequence[Any], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return a model's inputs ``(N, 3, H, W)`` uint8 of pictures that can be read."""
    batches = array_batches(sources, EvalView(preprocessing), batch_size=MOST)
    return np.concatenate([batch.images for batch in batches])


def _spread(paths: Sequence[Path]) -> list[Path]:
    places = np.linspace(0, len(paths) - 1, min(MOST, len(paths))).round().astype(int)
    return [paths[place] for place in places]


def _can_be_read(path: Path) -> bool:
    try:
        open_rgb(path)
    except UnreadableImage:
        return False
    return True


def _drawn() -> list[NDArray[np.uint8]]:
    """Return smooth colours with noise over them, each picture with noise of another strength."""
    draw = generator(0, "parity pictures")
    side = np.linspace(0, 1, 256)
    rows, columns = side[:, None, None], side[:, None]
    found = []
    for number in range(MOST):
        a, b, c = draw.uniform(-128, 128, (3, 3))
        smooth = 128 + a * rows + b * columns + c * np.sin(6 * rows * columns)
        noise = draw.normal(0, 1 + number, (len(side), len(side), 3))
        found.append(np.clip(smooth + noise, 0, 255).astype(np.uint8))
    return found
