"""Blending against MONAI's sliding window."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from toprung.cli.looking_options import IMPORTANCES
from toprung.errors import RecipeError
from toprung.evaluation.blending import blend, importance_names, importance_of, tile_portions
from toprung.evaluation.merging import merge_of
from toprung.evaluation.tiling import Tiling
from toprung.images.tiles import TileGrid, cover


def monais(values: NDArray[np.float64], grid: TileGrid, overlap: float, importance: str) -> NDArray[np.float32]:
    """Let MONAI slide a network over the picture that says of each window what stands in ``values``."""
    monai = pytest.importorskip("monai.inferers")
    waiting = iter(torch.from_numpy(values.astype(np.float32)))

    def network(windows: torch.Tensor) -> torch.Tensor:
        said = [next(waiting) for _ in windows]
        return torch.stack(said)[:, :, None, None].expand(-1, -1, *windows.shape[-2:]).clone()

    picture = torch.zeros((1, 3, grid.height, grid.width))
    window = (grid.side, grid.side)
    found = monai.sliding_window_inference(picture, window, 4, network, overlap=overlap, mode=importance)
    return found[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("importance", IMPORTANCES)
@pytest.mark.parametrize(
    ("height", "width", "side", "overlap"),
    [(60, 83, 20, 0.25), (41, 40, 16, 0.5), (30, 90, 30, 0.0), (25, 60, 40, 0.7)],
)
def test_it_is_monais_sliding_window(height: int, width: int, side: int, overlap: float, importance: str) -> None:
    grid = cover(height, width, side, overlap)
    values = np.random.default_rng(0).dirichlet(np.ones(4), size=len(grid))
    theirs = monais(values, grid, overlap, importance)
    assert np.abs(blend(values, grid, importance) - theirs).max() < 1e-5
    portions = tile_portions(grid, importance)
    assert merge_of("mean")(values, portions) == pytest.approx(theirs.mean(axis=(0, 1)), abs=1e-5)


@pytest.mark.parametrize("side", [1, 2, 7, 64, 333])
def test_the_importance_map_is_monais(side: int) -> None:
    utils = pytest.importorskip("monai.data.utils")
    theirs = utils.compute_importance_map((side, side), mode="gaussian").numpy()
    assert np.abs(importance_of("gaussian")(side, side) - theirs).max() < 1e-6


@given(
    height=st.integers(4, 60),
    width=st.integers(4, 60),
    side=st.integers(2, 60),
    overlap=st.floats(0, 0.8),
    importance=st.sampled_from(IMPORTANCES),
    shape=st.none() | st.tuples(st.integers(1, 30), st.integers(1, 30)),
)
def test_the_map_keeps_within_its_values_at_every_size(
    height: int, width: int, side: int, overlap: float, importance: str, shape: tuple[int, int] | None
) -> None:
    grid = cover(height, width, side, overlap)
    if len(grid) > 200:
        return
    values = np.random.default_rng(len(grid)).random((len(grid), 2))
    found = blend(values, grid, importance, shape)
    assert found.shape == (*(shape or (height, width)), 2)
    assert np.isfinite(found).all()
    assert (found >= values.min(axis=0) - 1e-5).all()
    assert (found <= values.max(axis=0) + 1e-5).all()
    assert blend(np.full((len(grid), 1), 0.3), grid, importance, shape) == pytest.approx(0.3, abs=1e-5)
    portions = tile_portions(grid, importance)
    assert (portions > 0).all()
    assert portions.sum() == pytest.approx(1)


def test_tiles_without_overlap_stand_side_by_side() -> None:
    grid = cover(4, 6, 2, 0.0)
    found = blend(np.arange(6.0)[:, None], grid, "gaussian")[..., 0]
    assert found == pytest.approx(np.arange(6.0).reshape(2, 3).repeat(2, axis=0).repeat(2, axis=1))
    assert tile_portions(grid, "gaussian") == pytest.approx(1 / 6)


def test_the_command_line_knows_every_importance() -> None:
    assert importance_names() == IMPORTANCES


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"side": 7}, "at least 8"), ({"overlap": 0.95}, "between 0 and 0.9"), ({"overlap": float("nan")}, "between"),
     ({"merge": "median"}, "cannot be merged"), ({"importance": "gausian"}, "Did you mean gaussian")],
)  # fmt: skip
def test_settings_that_are_not_allowed(wrong: dict, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        Tiling(**wrong)
