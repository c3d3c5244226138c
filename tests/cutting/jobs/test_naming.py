from pathlib import Path

from toprung.cutting.jobs.naming import name_cutouts
from toprung.cutting.jobs.photos import Found
from toprung.cutting.output.paint import Paint
from toprung.cutting.writing import Style


def named(*photos: Found, kept: dict[str, str] | None = None, style: Style | None = None) -> list[str]:
    return list(name_cutouts(photos, kept or {}, (style or Style("png")).names).values())


def test_subfolders_stay() -> None:
    assert named(Found(Path("in/a.jpg"), Path("a.jpg")), Found(Path("in/s/a.jpg"), Path("s/a.jpg"))) == ["a", "s/a"]


def test_files_of_the_same_name_get_extension_folder_and_number() -> None:
    paths = ["one/a.jpg", "one/a.png", "two/a.jpg", "two/a.png", "three/x/two/a.jpg"]
    found = named(*(Found(Path(path), Path(path).relative_to(Path(path).parent)) for path in paths))
    assert found == ["a", "a-png", "a-jpg", "two-a", "two-a-jpg"]
    assert len(set(named(*(Found(Path(f"{n}/d/a.jpg"), Path("a.jpg")) for n in range(20))))) == 20


def test_names_that_differ_by_capitals_only_are_the_same_on_some_disks() -> None:
    assert named(Found(Path("A.jpg"), Path("A.jpg")), Found(Path("a.jpg"), Path("a.jpg"))) == ["A", "a-jpg"]


def test_a_composites_name_is_taken_too() -> None:
    style = Style("png", None, (Paint("white", (255, 255, 255)),))
    photos = [Found(Path(name), Path(name)) for name in ("a.jpg", "a.on-white.jpg")]
    assert named(*photos, style=style) == ["a", "a.on-white-jpg"]


def test_earlier_names_stay() -> None:
    photo, other = Found(Path("/b/a.jpg"), Path("a.jpg")), Found(Path("/c/a.jpg"), Path("a.jpg"))
    assert named(photo, other, kept={"/c/a.jpg": "a"}) == ["a-jpg", "a"]
