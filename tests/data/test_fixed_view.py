from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.pictures import make_pictures
from toprung.data.augment import TrainView
from toprung.data.fixed_view import FixedView
from toprung.data.loaders import EvalLoader
from toprung.errors import UnreadableImage

VIEW = TrainView((24, 24), color_jitter=0.4, auto_augment="randaugment", erasing=0.5)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return sorted(make_pictures(tmp_path, per_class=4).rglob("*.png"))


def _views(files: list[Path], number: int = 1, seed: int = 0, threads: int = 1) -> np.ndarray:
    loader = EvalLoader(files, None, FixedView(VIEW, number, seed), batch_size=5, threads=threads)
    return np.concatenate([batch.images.numpy() for batch in loader])


def test_a_view_depends_on_the_picture_alone_and_not_on_its_place_or_name(files: list[Path], tmp_path: Path) -> None:
    views = _views(files)
    assert np.array_equal(_views(files[::-1], threads=3)[::-1], views)
    other = tmp_path / "renamed.jpeg"
    shutil.copyfile(files[3], other)
    assert np.array_equal(_views([other])[0], views[3])


def test_views_of_other_numbers_and_seeds_are_others(files: list[Path]) -> None:
    first = _views(files)
    for other in (_views(files, number=2), _views(files, seed=1)):
        assert (np.abs(first.astype(int) - other).mean(axis=(1, 2, 3)) > 1).all()


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x.png"
    file.write_text("no picture")
    with pytest.raises(UnreadableImage, match=r"cannot read .*x\.png"):
        FixedView(VIEW, 1, 0)(file)
