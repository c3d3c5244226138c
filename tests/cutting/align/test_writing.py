import json
from pathlib import Path

import numpy as np
from PIL import Image

from tests.cutting.align.scenes import PLACES, on_photo, scene
from toprung.cutting.align.align import align
from toprung.cutting.align.points import PointPairs
from toprung.cutting.align.writing import alignment_json, free_paths, residual_picture, write_alignment

PICTURES = {"aligned.png", "residual.png", "blend.png"}


def test_what_is_written_can_be_read_and_nothing_is_replaced(tmp_path: Path) -> None:
    plate, photo = scene()
    found = align(plate, photo, points=PointPairs(PLACES, on_photo(PLACES)))
    told = alignment_json(found, Path("a.png"), Path("b.png"), plate.shape, photo.shape)
    first = write_alignment(tmp_path / "out", found, photo, told)
    assert {path.name for path in first} == {"alignment.json"} | PICTURES
    stored = json.loads((tmp_path / "out" / "alignment.json").read_text())
    np.testing.assert_array_equal(np.array(stored["matrix"]), found.matrix)
    assert stored["photo"] == {"file": "b.png", "width": 160, "height": 120}
    aligned = np.asarray(Image.open(tmp_path / "out" / "aligned.png")) / 255
    assert found.aligned is not None
    np.testing.assert_allclose(aligned, found.aligned, atol=0.5 / 255 + 1e-6)
    blend = np.asarray(Image.open(tmp_path / "out" / "blend.png")) / 255
    np.testing.assert_allclose(blend, (found.aligned + photo) / 2, atol=0.5 / 255 + 1e-6)

    before = {path: path.read_bytes() for path in first}
    second = write_alignment(tmp_path / "out", found, photo, told)
    assert {path.name for path in second} >= {"alignment-2.json", "aligned-2.png"}
    assert all(path.read_bytes() == content for path, content in before.items())


def test_what_is_not_aligned_has_no_pictures_and_no_infinity(tmp_path: Path) -> None:
    plate, photo = scene()
    found = align(plate, photo, points=PointPairs(PLACES, np.array([159, 0]) + np.array([-1, 1]) * PLACES))
    told = alignment_json(found, Path("a.png"), Path("b.png"), plate.shape, photo.shape)
    assert told["expected_error_px"] is None
    assert [path.name for path in write_alignment(tmp_path, found, photo, told)] == ["alignment.json"]


def test_the_files_of_one_saving_share_the_least_number_that_is_free_for_all(tmp_path: Path) -> None:
    (tmp_path / "a.json").touch()
    (tmp_path / "b-2.csv").touch()
    paths = free_paths(tmp_path, ["a.json", "b.csv"])
    assert [path.name for path in paths.values()] == ["a-3.json", "b-3.csv"]


def test_a_residual_is_dark_where_there_is_none_and_brighter_where_there_is_more() -> None:
    picture = residual_picture(np.linspace(0, 0.5, 50, dtype=np.float32)[None]).astype(int)
    brightness = picture.sum(axis=2)[0]
    assert (np.diff(brightness) >= 0).all()
    assert brightness[0] < 70
    assert brightness[-1] > 700
