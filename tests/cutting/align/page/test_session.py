import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cutting.align.scenes import MATRIX, PLACES, on_photo, scene, write_scene
from toprung.cutting.align.page.pictures import Shown, between
from toprung.cutting.align.page.session import Session
from toprung.cutting.align.point_models import apply
from toprung.cutting.align.points import PointPairs, points_text, read_points
from toprung.errors import CutoutError, UnreadableImage

ROWS = np.hstack([PLACES, on_photo(PLACES)]).tolist()


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(*write_scene(tmp_path), None, "auto", tmp_path / "out")


def test_the_page_begins_with_the_automatic_alignment(session: Session) -> None:
    start = session.start()
    assert start["plate"] == {"name": "plate.png", "width": 160, "height": 120, "reduced": False}
    assert start["pairs"] == []
    assert start["automatic"] is not None
    np.testing.assert_allclose(apply(np.array(start["automatic"]["matrix"]), PLACES), on_photo(PLACES), atol=0.5)
    json.dumps(start, allow_nan=False)


def test_without_an_automatic_alignment_it_says_why(tmp_path: Path) -> None:
    plate, photo = write_scene(tmp_path)
    from PIL import Image

    Image.new("RGB", (160, 120), (200, 200, 200)).save(photo)
    start = Session(plate, photo, None, "auto", tmp_path).start()
    assert start["automatic"] is None
    assert start["reason"]


def test_a_fit_tells_the_transform_and_each_pairs_error(session: Session) -> None:
    told = session.fit([*ROWS, [30, 80, 90, 20]])
    np.testing.assert_allclose(apply(np.array(told["matrix"]), PLACES), on_photo(PLACES), atol=0.02)
    assert told["agreeing"] == [True] * 6 + [False]
    assert told["errors"][-1] > 50
    assert max(told["errors"][:-1]) < 0.05
    np.testing.assert_allclose(told["gain"], 0.9, atol=0.06)
    json.dumps(told, allow_nan=False)


@pytest.mark.parametrize(
    "rows",
    [
        None,
        "pairs",
        [[1, 2, 3]],
        [[1, 2, 3, "x"]],
        [[1, 2, 3, None]],
        [],
        [[1, 2, 3, 4e4]],
        {"a": 1},
        [[[1]]],
        [[1, 2, 3, 1e999]],
    ],
    ids=["none", "text", "three", "letter", "null", "empty", "outside", "object", "nested", "infinite"],
)
def test_what_is_no_pairs_is_refused(session: Session, rows: Any) -> None:
    with pytest.raises(CutoutError):
        session.fit(rows)


def test_what_is_saved_gives_the_same_transform_again(session: Session, tmp_path: Path) -> None:
    saved = session.save(ROWS)
    assert [Path(path).name for path in saved["written"]] == ["alignment.json", "points.csv"]
    stored = json.loads((tmp_path / "out" / "alignment.json").read_text())
    pairs = read_points(tmp_path / "out" / "points.csv")
    again = session.fit(np.hstack([pairs.plate, pairs.photo]).tolist())
    np.testing.assert_array_equal(stored["matrix"], again["matrix"])
    np.testing.assert_allclose(apply(np.array(stored["matrix"]), PLACES), on_photo(PLACES), atol=0.02)
    assert [Path(path).name for path in session.save(ROWS)["written"]] == ["alignment-2.json", "points-2.csv"]


def test_the_automatic_alignment_is_saved_as_it_was_found(session: Session, tmp_path: Path) -> None:
    saved = session.save([])
    assert [Path(path).name for path in saved["written"]] == ["alignment.json"]
    stored = json.loads((tmp_path / "out" / "alignment.json").read_text())
    assert stored["matrix"] == session.start()["automatic"]["matrix"]
    assert stored["method"] == session.start()["automatic"]["method"]


def test_what_is_not_aligned_is_not_saved(session: Session, tmp_path: Path) -> None:
    mirrored = np.hstack([PLACES, np.array([159, 0]) + np.array([-1, 1]) * PLACES]).tolist()
    with pytest.raises(CutoutError, match=r"not saved: .*mirror"):
        session.save(mirrored)
    assert not (tmp_path / "out").exists()


def test_pairs_of_a_file_are_where_the_page_begins(tmp_path: Path) -> None:
    plate, photo = write_scene(tmp_path)
    (tmp_path / "points.csv").write_text(points_text(PointPairs(PLACES, on_photo(PLACES))))
    start = Session(plate, photo, tmp_path / "points.csv", "auto", tmp_path).start()
    np.testing.assert_allclose(start["pairs"], ROWS, atol=0.0051)


def test_a_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    plate, _ = write_scene(tmp_path)
    (tmp_path / "photo.png").write_text("no picture")
    with pytest.raises(UnreadableImage, match=r"photo\.png"):
        Session(plate, tmp_path / "photo.png", None, "auto", tmp_path)


def test_a_large_photo_is_sent_reduced_and_its_places_stay() -> None:
    plate, photo = (Shown.of(picture) for picture in scene(900, 1800))
    assert plate.preview.shape == (800, 1600, 3)
    assert plate.crop(1700, -5, 999, 10).shape == (10, 100, 3)
    np.testing.assert_array_equal(plate.crop(300, 200, 3, 2), plate.full[200:202, 300:303])
    small_plate, _, small = between(MATRIX, plate, photo, 400)
    assert small_plate.shape == (200, 400, 3)
    factor = 1800 / 400  # edges coincide: the centre of small pixel 0 is the middle of the first 4.5 full ones
    places = np.array([[0.0, 0], [399, 199], [100, 50]])
    full = (places + 0.5) * factor - 0.5
    expected = (np.hstack([full, np.ones((3, 1))]) @ MATRIX.T)[:, :2]
    np.testing.assert_allclose((apply(small, places) + 0.5) * factor - 0.5, expected, atol=1e-9)
