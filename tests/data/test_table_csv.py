import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.make_pictures import make_classes, save
from toprung.data.sources import read_source
from toprung.data.splits import assign_splits
from toprung.data.table import Table
from toprung.data.table_csv import read_table_csv, write_table_csv
from toprung.errors import RunError

# Any character that a file name may hold.
names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda name: name not in {".", ".."}
)


def same(one: Table, other: Table) -> bool:
    return all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in dataclasses.fields(Table)
    )


@st.composite
def tables(draw: st.DrawFn) -> Table:
    classes = sorted(draw(st.sets(names, min_size=2, max_size=4)))
    labels = [*range(len(classes)), *draw(st.lists(st.integers(0, len(classes) - 1), max_size=6))]
    count = len(labels)
    roots = st.sampled_from([Path("/data/my set"), Path("/data"), Path("/elsewhere")])
    return Table(
        paths=tuple(draw(roots) / draw(names) / draw(names) for _ in labels),
        labels=np.array(labels),
        classes=tuple(classes),
        splits=tuple(
            ["train"] * len(classes)
            + draw(
                st.lists(
                    st.sampled_from(["train", "val", "test"]),
                    min_size=count - len(classes),
                    max_size=count - len(classes),
                )
            )
        ),
        groups=tuple(draw(st.lists(st.one_of(st.just(""), names), min_size=count, max_size=count))),
        hashes=tuple(draw(st.lists(st.sampled_from(["", "00ff"]), min_size=count, max_size=count))),
    )


@given(table=tables())
def test_it_comes_back_exactly(table: Table, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Commas, quotes, lines of every kind, spaces at the ends; and the pictures need not exist."""
    file = tmp_path_factory.mktemp("run") / "table.csv"
    write_table_csv(file, table, Path("/data/my set"))
    assert same(read_table_csv(file), table)


def test_pictures_are_named_from_the_root(tmp_path: Path) -> None:
    make_classes(tmp_path / "set", {"cat": 3, "dog": 3})
    table = assign_splits(read_source(tmp_path / "set"), seed=0)
    write_table_csv(tmp_path / "table.csv", table, tmp_path / "set")
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "label", "split", "group", "hash", "root"]
    assert rows[0]["path"] == "cat/000.png"
    assert {row["root"] for row in rows} == {str(tmp_path / "set")}


def test_it_is_a_source_itself(tmp_path: Path) -> None:
    for seed, name in enumerate(['a "b", c', " spaces ", "new\nline", "é"]):
        for i in range(3):
            save(tmp_path / "set" / name / f"{i} {name}.png", 10 * seed + i)
    table = assign_splits(read_source(tmp_path / "set"), seed=0)
    write_table_csv(tmp_path / "run" / "data" / "table.csv", table, tmp_path / "set")
    assert same(read_source(tmp_path / "run" / "data" / "table.csv"), table)


def test_the_root_of_a_list_is_its_folder(tmp_path: Path) -> None:
    make_classes(tmp_path, {"cat": 2, "dog": 2})
    (tmp_path / "list.csv").write_text(
        "path,label,split\n" + "".join(f"{c}/00{i}.png,{c},train\n" for c in ("cat", "dog") for i in range(2))
    )
    table = read_source(tmp_path / "list.csv")
    write_table_csv(tmp_path / "table.csv", table, tmp_path / "list.csv")
    assert "\ncat/000.png,cat,train,,," in (tmp_path / "table.csv").read_text().replace("\r", "")
    assert same(read_table_csv(tmp_path / "table.csv"), table)


def test_classes_that_would_come_back_in_another_order_are_not_written(tmp_path: Path) -> None:
    """Trap: the model's outputs would be named wrongly after a resume."""
    table = Table((Path("/a"), Path("/b")), np.array([0, 1]), ("dog", "cat"), ("train", "train"))
    with pytest.raises(ValueError, match="sorted"):
        write_table_csv(tmp_path / "table.csv", table, Path("/"))
    assert not (tmp_path / "table.csv").exists()


HEADER = "path,label,split,group,hash,root\n"
ROW = "a.png,cat,train,,00,/x\n"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "no column 'path'"),
        (HEADER.encode(), "lists no pictures"),
        (b"path,label\na.png,cat\n", "no column 'split'"),
        ((HEADER + ROW + "b.png,do").encode(), "row 2 has 2 cells"),
        ((HEADER + ROW + '"b.png').encode(), "damaged"),
        ((HEADER + ROW + "b.png,,train,,00,/x\n").encode(), "empty label"),
        ((HEADER + ROW + "b.png,cat,trian,,00,/x\n").encode(), "'trian'"),
        ((HEADER + ROW + "b.png,dog,val,,00,/x\n").encode(), "train lacks the class 'dog'"),
        ((HEADER + ROW).encode() + b"\xff.png,cat,train,,00,/x\n", "damaged"),
        (b"\0" * 100, "damaged"),
    ],
)
def test_damage_is_named(tmp_path: Path, content: bytes, word: str) -> None:
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(RunError, match=word) as caught:
        read_table_csv(tmp_path / "table.csv")
    assert "table.csv" in str(caught.value)


def test_a_missing_table(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is missing"):
        read_table_csv(tmp_path / "table.csv")
