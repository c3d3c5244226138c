"""Batches for models without torch hold what the evaluation loader's hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toprung.data.arrays import array_batches
from toprung.data.eval_view import EvalView
from toprung.data.loaders import EvalLoader
from toprung.data.preprocessing import Preprocessing


@pytest.mark.parametrize("size", [1, 3, 50])
def test_they_hold_the_evaluation_loaders_bits(tmp_path: Path, size: int) -> None:
    draw = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.jpg" for number in range(7)]
    for path in paths:
        Image.fromarray(draw.integers(0, 256, (70, 61, 3), dtype=np.uint8)).save(path)
    paths[2].write_bytes(b"")
    paths[3].write_bytes(b"<html>")
    view = EvalView(Preprocessing((24, 20)))
    loader = EvalLoader(paths, None, view, batch_size=size)
    theirs = list(loader)
    ours = list(array_batches(paths, view, batch_size=size))
    assert [row for batch in ours for row in batch.rows] == [0, 1, 4, 5, 6]
    np.testing.assert_array_equal(
        np.concatenate([batch.images for batch in ours]), np.concatenate([batch.images.numpy() for batch in theirs])
    )
    failures = [failure for batch in ours for failure in batch.failures]
    assert [(one.row, str(one.error)) for one in failures] == [(one.row, str(one.error)) for one in loader.failures]


def test_no_pictures_are_no_batches() -> None:
    assert list(array_batches([], EvalView(Preprocessing((8, 8))), batch_size=4)) == []
