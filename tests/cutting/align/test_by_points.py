from pathlib import Path

import numpy as np
import pytest

from tests.cutting.align.scenes import MATRIX, PLACES, on_photo, scene
from toprung.cutting.align.align import align
from toprung.cutting.align.points import PointPairs, points_text
from toprung.errors import CutoutError


def test_exact_pairs_lay_the_plate_on_the_photo() -> None:
    plate, photo = scene()
    found = align(plate, photo, points=PointPairs(PLACES, on_photo(PLACES)))
    assert found.status == "aligned"
    assert found.method == "points"
    assert found.model == "affine"
    assert found.inliers == len(PLACES)
    np.testing.assert_allclose(found.matrix, MATRIX, atol=1e-9)
    assert found.overlap > 0.85
    assert found.aligned is not None
    inside = np.zeros((120, 160), bool)
    inside[8:42, 12:148] = True
    assert np.median(found.residual[inside]) < 0.01
    assert found.residual[55:85, 70:95].mean() > 0.2  # the object stays


def test_pairs_of_other_pictures_are_refused() -> None:
    plate, photo = scene()
    with pytest.raises(CutoutError, match="made on other pictures"):
        align(plate, photo, points=np.hstack([10 * PLACES, PLACES]))


def test_what_the_pairs_do_not_support_is_not_aligned() -> None:
    plate, photo = scene()
    mirrored = np.array([159, 0]) + np.array([-1, 1]) * PLACES
    found = align(plate, photo, points=PointPairs(PLACES, mirrored))
    assert found.status == "not aligned"
    assert "mirror" in found.reason
    assert found.aligned is None
    assert not found.valid.any()


def test_pairs_are_taken_in_every_form(tmp_path: Path) -> None:
    plate, photo = scene()
    rows = np.hstack([PLACES, on_photo(PLACES)]).round(2)
    (tmp_path / "points.csv").write_text(points_text(PointPairs(rows[:, :2], rows[:, 2:])))
    found = [align(plate, photo, points=points).matrix for points in (rows, tmp_path / "points.csv")]
    np.testing.assert_array_equal(found[0], found[1])
    with pytest.raises(CutoutError, match=r"shape \(6, 2\)"):
        align(plate, photo, points=PLACES)
