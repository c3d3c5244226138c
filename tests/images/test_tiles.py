from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.errors import RecipeError
from toprung.images.tiles import cover

sides = st.integers(1, 60)


@given(height=sides, width=sides, side=st.none() | st.integers(1, 70), overlap=st.floats(0, 0.9))
def test_every_pixel_is_covered_and_no_tile_leaves_the_picture(
    height: int, width: int, side: int | None, overlap: float
) -> None:
    grid = cover(height, width, side, overlap)
    seen = np.zeros((height, width), dtype=int)
    for box in grid.boxes:
        assert 0 <= box.top < box.bottom <= height
        assert 0 <= box.left < box.right <= width
        assert (box.bottom - box.top, box.right - box.left) == (grid.side, grid.side)
        seen[box.top : box.bottom, box.left : box.right] += 1
    assert (seen > 0).all()
    assert len(set(grid.boxes)) == len(grid) == len(grid.boxes)


@given(height=sides, width=sides, side=st.integers(2, 40), overlap=st.floats(0, 0.9))
def test_neighbours_share_at_least_the_overlap(height: int, width: int, side: int, overlap: float) -> None:
    grid = cover(height, width, side, overlap)
    for starts in (grid.tops, grid.lefts):
        steps = np.diff(starts)
        assert (steps > 0).all()
        assert (steps <= max(grid.side * (1 - overlap), 1)).all()
        assert (steps[:-1] == max(int(grid.side * (1 - overlap)), 1)).all()  # only the last one is shifted


@given(height=st.integers(4, 50), width=st.integers(4, 50), side=st.integers(2, 50), overlap=st.floats(0, 0.8))
def test_it_is_monais_scan(height: int, width: int, side: int, overlap: float) -> None:
    utils = pytest.importorskip("monai.data.utils")
    inferers = pytest.importorskip("monai.inferers.utils")
    grid = cover(height, width, side, overlap)
    window = (grid.side, grid.side)
    step = inferers._get_scan_interval((height, width), window, 2, (overlap, overlap))
    theirs = utils.dense_patch_slices((height, width), window, step)
    assert [(box.top, box.left) for box in grid.boxes] == [(one[0].start, one[1].start) for one in theirs]


def test_the_side_is_half_the_shorter_one_unless_given() -> None:
    assert cover(300, 201, None, 0.25).side == 100
    assert cover(300, 201, 250, 0.25).side == 201
    assert cover(1, 9, None, 0.25).side == 1


@pytest.mark.parametrize(("side", "overlap"), [(0, 0.1), (-3, 0.1), (8, 1.0), (8, -0.1), (8, float("nan"))])
def test_what_covers_nothing_is_refused(side: int, overlap: float) -> None:
    with pytest.raises(RecipeError, match="not allowed"):
        cover(100, 100, side, overlap)
