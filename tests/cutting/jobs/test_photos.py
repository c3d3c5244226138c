from pathlib import Path

import pytest

from toprung.cutting.jobs.photos import Listing, list_photos
from toprung.errors import CutoutError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.JPG", "a.png", "notes.txt", ".hidden.png", "x.heic", "sub/c.tif", "sub/deep/d.webp", ".git/e.png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path / "in"


def listed(*given: Path, recursive: bool = False, others: tuple[Path, ...] = (), out: str = "/none") -> Listing:
    return list_photos(given, recursive=recursive, others=others, out=Path(out))


def names(listing: Listing) -> list[str]:
    return [photo.relative.as_posix() for photo in listing.photos]


def test_a_folder_without_and_with_its_subfolders(folder: Path) -> None:
    assert names(listed(folder)) == ["a.png", "b.JPG"]
    assert names(listed(folder, recursive=True)) == ["a.png", "b.JPG", "sub/c.tif", "sub/deep/d.webp"]


def test_whatever_is_left_out_is_said(folder: Path) -> None:
    assert listed(folder).remarks == (
        "2 files are no pictures by their extension: 1 .heic, 1 .txt.",
        f"1 subfolders were left out ({folder / 'sub'}); --recursive takes them.",
    )
    assert listed(folder, recursive=True).remarks == ("2 files are no pictures by their extension: 1 .heic, 1 .txt.",)


def test_a_named_file_counts_whatever_its_name(folder: Path) -> None:
    assert names(listed(folder / "notes.txt", folder / ".hidden.png")) == [".hidden.png", "notes.txt"]


def test_each_file_once(folder: Path) -> None:
    listing = listed(folder, folder / "a.png", folder / "sub" / ".." / "a.png")
    assert [photo.path.name for photo in listing.photos] == ["a.png", "b.JPG"]


def test_the_jobs_other_pictures_are_no_photos(folder: Path) -> None:
    listing = listed(folder, recursive=True, others=(folder / "a.png", folder / "sub" / "deep"))
    assert names(listing) == ["b.JPG", "sub/c.tif"]
    assert "1 pictures are not cut out because they were given as plate" in " ".join(listing.remarks)
    assert names(listed(folder / "a.png", others=(folder / "a.png",))) == ["a.png"]


def test_the_output_folder_is_not_looked_into(folder: Path) -> None:
    assert names(listed(folder, recursive=True, out=str(folder / "sub"))) == ["a.png", "b.JPG"]


def test_a_missing_path_names_its_neighbour(folder: Path) -> None:
    with pytest.raises(CutoutError, match=r"a\.pgn does not exist.*Did you mean a\.png"):
        listed(folder / "a.pgn")


def test_no_photo_at_all_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "readme.md").write_text("")
    with pytest.raises(CutoutError, match=r"no photos in .*1 \.md"):
        listed(tmp_path)


def test_links_in_a_circle_end(folder: Path) -> None:
    (folder / "sub" / "up").symlink_to(folder)
    assert len(listed(folder, recursive=True).photos) == 4
