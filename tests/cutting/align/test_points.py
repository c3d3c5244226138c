from pathlib import Path

import numpy as np
import pytest

from toprung.cutting.align.points import MOST_PAIRS, PointPairs, points_text, read_points
from toprung.errors import CutoutError

PAIRS = PointPairs(np.array([[0.0, 1.0], [20.25, 30.5]]), np.array([[2.0, 3.0], [22.5, 31.75]]))


def write(folder: Path, text: str) -> Path:
    path = folder / "points.csv"
    path.write_bytes(text.encode())
    return path


def test_what_is_written_reads_the_same(tmp_path: Path) -> None:
    read = read_points(write(tmp_path, points_text(PAIRS)))
    np.testing.assert_array_equal(read.plate, PAIRS.plate)
    np.testing.assert_array_equal(read.photo, PAIRS.photo)


@pytest.mark.parametrize(
    "text",
    [
        "plate_x,plate_y,photo_x,photo_y\n1,2,3,4\n",
        "\ufeffplate_x;plate_y;photo_x;photo_y\r\n1;2;3;4\r\n",
        "plate_x\tplate_y\tphoto_x\tphoto_y\n1\t2\t3\t4",
        "note,photo_y,photo_x,plate_y,plate_x\n\nhandle,4,3,2,1\n\n,,,,\n",
        ' Plate_X , plate_y,photo_x,"photo_y"\n 1.0 ,2e0,3,4\n',
    ],
    ids=["plain", "semicolons", "tabs", "other columns", "spaces"],
)
def test_each_spelling_is_read(tmp_path: Path, text: str) -> None:
    read = read_points(write(tmp_path, text))
    assert read.plate.tolist() == [[1, 2]]
    assert read.photo.tolist() == [[3, 4]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("x,y,photo_x,photo_y\n1,2,3,4\n", "no column plate_x"),
        ("plate_x,plate_y,photo_x,photo_y\n", "no pair"),
        ("plate_x,plate_y,photo_x,photo_y\n1,2,3,4\n1,two,3,4\n", "line 3: 'two' is no number"),
        ("plate_x,plate_y,photo_x,photo_y\n1,2,3\n", "line 2: '' is no number"),
        ("plate_x,plate_y,photo_x,photo_y\n1,2,3,nan\n", "'nan' is no number"),
        ("plate_x,plate_y,photo_x,photo_y\n" + "1,2,3,4\n" * (MOST_PAIRS + 1), f"give 1 to {MOST_PAIRS}"),
        ("1,2,3,4\n" * 200_000, "more than 1 MB"),
    ],
    ids=["empty", "column", "no pair", "word", "short", "nan", "many", "large"],
)
def test_what_cannot_be_read_is_told_with_its_file(tmp_path: Path, text: str, words: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(CutoutError) as error:
        read_points(path)
    assert words in str(error.value)
    assert str(path) in str(error.value)


def test_a_picture_or_nothing_is_no_csv(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    with pytest.raises(CutoutError, match="no text in UTF-8"):
        read_points(tmp_path / "a.png")
    with pytest.raises(CutoutError, match="No such file"):
        read_points(tmp_path / "b.csv")
    with pytest.raises(CutoutError, match="cannot read"):
        read_points(tmp_path)


def test_points_outside_their_picture_are_refused() -> None:
    assert PAIRS.inside((31, 21, 3), (33, 24, 3)) is PAIRS
    with pytest.raises(CutoutError, match=r"pair 2 is at \(20.25, 30.5\) on the plate, which has 20 × 31 pixels"):
        PAIRS.inside((31, 20), (33, 24))
    with pytest.raises(CutoutError, match=r"pair 2 is at \(22.5, 31.75\) on the photo"):
        PAIRS.inside((31, 21), (32, 23))


def test_arrays_that_are_no_pairs_are_refused() -> None:
    with pytest.raises(CutoutError, match="give \\(N, 2\\)"):
        PointPairs(np.zeros((2, 3)), np.zeros((2, 2)))
    with pytest.raises(CutoutError, match="give pairs"):
        PointPairs(np.zeros((2, 2)), np.zeros((3, 2)))
    with pytest.raises(CutoutError, match="not a number"):
        PointPairs(np.full((1, 2), np.nan), np.zeros((1, 2)))
    with pytest.raises(CutoutError, match="0 pairs"):
        PointPairs(np.zeros((0, 2)), np.zeros((0, 2)))
