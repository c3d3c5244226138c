import hashlib
import shutil
from pathlib import Path

import pytest

from tests.data.make_pictures import make_classes, picture, save
from toprung.data.sources import read_source
from toprung.errors import DataError, LeakFound
from toprung.ladder.display import Silent
from toprung.ladder.pictures import Pictures, gather
from toprung.training.settings import DataSettings


def gathered(source: Path, **settings: object) -> Pictures:
    return gather(read_source(source), DataSettings(**settings), seed=0, display=Silent())


def test_every_picture_has_its_own_hash(tmp_path: Path) -> None:
    """Two runs are compared by these hashes, so each must be that of its row's file."""
    make_classes(tmp_path, {"cat": 6, "dog": 6})
    (tmp_path / "cat" / "000.png").write_bytes(b"")
    pictures = gathered(tmp_path)
    assert len(pictures.table) == 11
    for path, content_hash, facts in zip(pictures.table.paths, pictures.table.hashes, pictures.facts, strict=True):
        assert content_hash == hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
        assert facts.path == path


def test_a_cut_file_is_left_out_and_no_label_moves(tmp_path: Path) -> None:
    """Trap: a loader that skips or replaces a broken file gives its label to another picture."""
    make_classes(tmp_path, {"cat": 6, "dog": 6}, extension="jpg")
    for name in ("cat/003.jpg", "dog/000.jpg"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
    pictures = gathered(tmp_path)
    assert [facts.path.relative_to(tmp_path).as_posix() for facts in pictures.unreadable] == [
        "cat/003.jpg",
        "dog/000.jpg",
    ]
    for path, label in zip(pictures.table.paths, pictures.table.labels, strict=True):
        assert pictures.table.classes[label] == path.parent.name
    assert len(pictures.table) == 10
    assert pictures.health.pictures == 10
    assert len(pictures.health.unreadable) == 2


def test_unreadable_files_can_be_refused(tmp_path: Path) -> None:
    make_classes(tmp_path, {"cat": 3, "dog": 3})
    (tmp_path / "cat" / "bad.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"1 file cannot be read, first .*bad\.png: it is empty"):
        gathered(tmp_path, on_unreadable="error")


def test_a_class_of_which_nothing_can_be_read_is_refused(tmp_path: Path) -> None:
    make_classes(tmp_path, {"cat": 3, "dog": 2})
    for file in (tmp_path / "dog").iterdir():
        file.write_text("<html>")
    with pytest.raises(DataError, match=r"class 'dog' .*000\.png: .*HTML"):
        gathered(tmp_path)


def test_a_class_that_can_be_read_in_val_only_is_refused(tmp_path: Path) -> None:
    """Trap: the class is there, so counting all pictures finds nothing wrong; but nothing trains it."""
    make_classes(tmp_path / "train", {"cat": 3, "dog": 2})
    make_classes(tmp_path / "val", {"cat": 2, "dog": 2}, seed=50)
    for file in (tmp_path / "train" / "dog").iterdir():
        file.write_bytes(b"")
    with pytest.raises(DataError, match="class 'dog' that could be trained on"):
        gathered(tmp_path)


def test_a_given_split_of_which_nothing_can_be_read_is_refused(tmp_path: Path) -> None:
    """Trap: without val pictures, val would be cut from train, which is not what the user gave."""
    make_classes(tmp_path / "train", {"cat": 5, "dog": 5})
    make_classes(tmp_path / "val", {"cat": 2, "dog": 2}, seed=50)
    for file in (tmp_path / "val").rglob("*.png"):
        file.write_bytes(b"")
    with pytest.raises(DataError, match="split val can be read"):
        gathered(tmp_path)


def test_near_duplicates_stay_in_one_split(tmp_path: Path) -> None:
    make_classes(tmp_path, {"cat": 20, "dog": 20})
    for i in range(20):
        picture(i).save(tmp_path / "cat" / f"again {i}.jpg", quality=70)
    together = gathered(tmp_path, val_fraction=0.5)
    assert len(together.health.near_duplicates) == 20
    assert together.health.leaks == ()
    apart = gathered(tmp_path, val_fraction=0.5, keep_duplicates_together=False)
    assert apart.health.leaks
    with pytest.raises(LeakFound):
        gathered(tmp_path, val_fraction=0.5, keep_duplicates_together=False, refuse_leaks=True)


def test_folds_cover_every_picture_once(tmp_path: Path) -> None:
    make_classes(tmp_path, {"cat": 7, "dog": 5})
    save(tmp_path / "dog" / "twin.png", 0)  # the same as a cat
    made = [gathered(tmp_path, folds=3, fold=fold).table for fold in range(3)]
    validated = [path for table in made for path in table.split("val").paths]
    assert sorted(validated) == sorted(made[0].paths)


def test_what_the_source_gave_is_remembered(tmp_path: Path) -> None:
    make_classes(tmp_path / "train", {"cat": 5, "dog": 5})
    make_classes(tmp_path / "test", {"cat": 2, "dog": 2}, seed=50)
    pictures = gathered(tmp_path)
    assert pictures.given == ("train", "test")
    assert set(pictures.table.splits) == {"train", "val", "test"}
    shutil.rmtree(tmp_path / "test")
    assert gathered(tmp_path / "train").given == ()
