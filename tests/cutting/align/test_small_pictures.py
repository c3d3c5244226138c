import numpy as np
import pytest

from tests.cutting.align.scenes import scene
from toprung.cutting.align.align import align


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (8, 8), (23, 200), (30, 20_000)], ids=str)
@pytest.mark.parametrize("which", ["plate", "photo", "both"])
def test_small_and_narrow_pictures_are_not_aligned_and_no_crash(shape: tuple[int, int], which: str) -> None:
    tiny = np.random.default_rng(0).random((*shape, 3)).astype(np.float32)
    plate, photo = scene()
    found = align(photo if which == "photo" else tiny, plate if which == "plate" else tiny)
    assert found.status == "not aligned"
    assert found.reason


def test_pictures_of_48_pixels_are_aligned() -> None:
    assert align(*scene(48, 48)).status == "aligned"


@pytest.mark.parametrize("points", [[[0, 0, 0, 0]], [[0, 0, 0, 0], [0, 0, 1, 0]]], ids=["one", "two"])
def test_point_pairs_serve_for_pictures_of_any_size(points: list[list[float]]) -> None:
    found = align(np.full((2, 1, 3), 0.5, np.float32), np.full((1, 2, 3), 0.5, np.float32), points=np.array(points))
    assert found.model == "translation"
