"""Pictures without labels: which are found, and what a train/val/test layout means for pretraining."""

from __future__ import annotations

from pathlib import Path

import pytest

from toprung.data.table_csv import read_table_csv, write_table_csv
from toprung.data.unlabelled import read_unlabelled
from toprung.errors import DataError


def pictures(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def splits_of(root: Path) -> dict[str, str]:
    table = read_unlabelled(root).table
    return {str(path.relative_to(root)): split for path, split in zip(table.paths, table.splits, strict=True)}


def test_any_folder_at_any_depth(tmp_path: Path) -> None:
    root = pictures(tmp_path, "a.jpg", "x/b.png", "x/y/z/c.webp", "x/notes.txt", ".hidden/d.jpg")
    assert splits_of(root) == {"a.jpg": "", "x/b.png": "", "x/y/z/c.webp": ""}


def test_labels_are_forgotten(tmp_path: Path) -> None:
    found = read_unlabelled(pictures(tmp_path, "cat/1.jpg", "dog/1.jpg"))
    assert found.table.classes == ("unlabelled",)
    assert found.table.labels.tolist() == [0, 0]
    assert found.kept_for_test == 0


def test_val_is_held_out_and_test_is_left_alone(tmp_path: Path) -> None:
    root = pictures(tmp_path, "train/cat/1.jpg", "valid/cat/2.jpg", "test/cat/3.jpg", "test/4.jpg", "more/5.jpg")
    assert splits_of(root) == {"train/cat/1.jpg": "train", "valid/cat/2.jpg": "val", "more/5.jpg": "train"}
    assert read_unlabelled(root).kept_for_test == 2


def test_a_class_named_train_is_no_split(tmp_path: Path) -> None:
    root = pictures(tmp_path, "train/1.jpg", "plane/2.jpg")
    assert splits_of(root) == {"train/1.jpg": "", "plane/2.jpg": ""}


def test_a_csv_lists_pictures_too(tmp_path: Path) -> None:
    root = pictures(tmp_path, "1.jpg", "2.jpg", "3.jpg")
    (root / "list.csv").write_text("path,label,split\n1.jpg,a,train\n2.jpg,b,val\n3.jpg,a,test\n")
    found = read_unlabelled(root / "list.csv")
    assert found.table.splits == ("train", "val")
    assert found.kept_for_test == 1


def test_the_table_comes_back_from_its_file(tmp_path: Path) -> None:
    root = pictures(tmp_path / "p", "train/1.jpg", "val/2.jpg")
    table = read_unlabelled(root).table
    write_table_csv(tmp_path / "table.csv", table, root)
    again = read_table_csv(tmp_path / "table.csv")
    assert (again.paths, again.classes, again.splits) == (table.paths, table.classes, table.splits)


@pytest.mark.parametrize("names", [(), ("notes.txt",)])
def test_nothing_to_learn_from_is_refused(names: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no pictures to train on"):
        read_unlabelled(pictures(tmp_path, *names))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_unlabelled(tmp_path / "nowhere")
