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
from toprung.runs.folder import RunFolder
from toprung.seeding import generator

MOST = 64


class ParityInputs(NamedTuple):
    """Inputs to ask about.

    Attributes:
        images: ``(N, 3, H, W)`` uint8, N at least 1.
        origin: where they are from: ``val``, ``test`` or ``drawn``.
    """

    images: NDArray[np.uint8]
    origin: str


def parity_inputs(run: Path, preprocessing: Preprocessing) -> ParityInputs:
    """Return up to :data:`MOST` inputs from the run's val split, else from its test split, else drawn ones.

    They are spread evenly over the split. Labels are not read: test pictures are looked at, not scored.

    Args:
        run: a run folder; a model folder by itself has no pictures.
        preprocessing: the model's.
    """
    table_file = RunFolder(run).table_file
    if table_file.is_file():
        table = read_table_csv(table_file)
        for split in ("val", "test"):
            images = _inputs(_spread(table.split(split).paths), preprocessing)
            if len(images):
                return ParityInputs(images, split)
    return ParityInputs(_inputs(_drawn(preprocessing.size), preprocessing), "drawn")


def _spread(paths: Sequence[Path]) -> list[Path]:
    places = np.linspace(0, len(paths) - 1, min(MOST, len(paths))).round().astype(int)
    return [paths[place] for place in places]


def _inputs(sources: Sequence[Any], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return the inputs of the pictures that can be read; there may be none."""
    nothing = np.empty((0, 3, *preprocessing.size), dtype=np.uint8)
    batches = array_batches(sources, EvalView(preprocessing), batch_size=MOST)
    return np.concatenate([nothing, *(batch.images for batch in batches)])


def _drawn(size: tuple[int, int]) -> list[NDArray[np.uint8]]:
    """Return smooth colours with noise over them, each picture with noise of another strength."""
    draw = generator(0, "parity pictures")
    height, width = size
    rows, columns = np.linspace(0, 1, height)[:, None, None], np.linspace(0, 1, width)[:, None]
    found = []
    for number in range(MOST):
        a, b, c = draw.uniform(-128, 128, (3, 3))
        smooth = 128 + a * rows + b * columns + c * np.sin(6 * rows * columns)
        noise = draw.normal(0, 1 + number, (height, width, 3))
        found.append(np.clip(smooth + noise, 0, 255).astype(np.uint8))
    return found
