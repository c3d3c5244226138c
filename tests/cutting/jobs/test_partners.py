from pathlib import Path

import pytest

from toprung.cutting.jobs.partners import partners
from toprung.cutting.jobs.photos import Found
from toprung.errors import CutoutError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def photo(folder: Path, relative: str) -> Found:
    touch(folder / relative)
    return Found(folder / relative, Path(relative))


def test_a_file_is_for_all(tmp_path: Path) -> None:
    touch(tmp_path / "plate.png")
    finder = partners(tmp_path / "plate.png", "plate")
    assert {finder(photo(tmp_path / "in", name)) for name in ("a.jpg", "s/b.jpg")} == {tmp_path / "plate.png"}


def test_a_folder_is_by_name_the_photos_subfolder_first(tmp_path: Path) -> None:
    plates = tmp_path / "plates"
    touch(plates / "a.png", plates / "s" / "a.tif", plates / "b.JPG", plates / "a.txt")
    finder = partners(plates, "plate")
    assert finder(photo(tmp_path / "in", "a.jpg")) == plates / "a.png"
    assert finder(photo(tmp_path / "in", "s/a.jpg")) == plates / "s" / "a.tif"
    assert finder(photo(tmp_path / "in", "s/b.jpg")) == plates / "b.JPG"


def test_none_is_an_error_with_the_name_it_needs(tmp_path: Path) -> None:
    touch(tmp_path / "plates" / "a.png")
    with pytest.raises(CutoutError, match=r"there is no trimap for .*z\.jpg in .*plates; add z\.png"):
        partners(tmp_path / "plates", "trimap")(photo(tmp_path / "in", "z.jpg"))


def test_of_several_the_one_with_the_photos_extension_counts(tmp_path: Path) -> None:
    touch(tmp_path / "plates" / "a.png", tmp_path / "plates" / "a.jpg")
    finder = partners(tmp_path / "plates", "plate")
    assert finder(photo(tmp_path / "in", "a.jpg")).name == "a.jpg"
    with pytest.raises(CutoutError, match=r"has several plates in .*: a\.jpg, a\.png; keep one"):
        finder(photo(tmp_path / "in", "a.tif"))


def test_a_photo_is_not_its_own_plate(tmp_path: Path) -> None:
    found = photo(tmp_path, "a.jpg")
    for path in (tmp_path, tmp_path / "a.jpg"):
        with pytest.raises(CutoutError, match="is that photo itself"):
            partners(path, "plate")(found)


def test_a_missing_path(tmp_path: Path) -> None:
    with pytest.raises(CutoutError, match=r"the plate .*nowhere does not exist"):
        partners(tmp_path / "nowhere", "plate")
