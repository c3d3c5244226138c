import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.data.make_pictures import make_classes, picture, save
from tests.ladder.make_run import make_health
from toprung.data.health import HealthReport, examine, refuse_leaks, write_unreadable_csv
from toprung.data.scan import PictureFacts, scan
from toprung.data.sources import read_source
from toprung.data.table import Table
from toprung.errors import LeakFound, StorageError


def report(root: Path) -> HealthReport:
    """The report of a folder whose splits are all given."""
    table = read_source(root)
    facts = scan(table)
    return examine(table.take([row for row, one in enumerate(facts) if one.reason is None]), facts)


@pytest.fixture
def healthy(tmp_path: Path) -> Path:
    make_classes(tmp_path / "train", {"cat": 4, "dog": 3})
    make_classes(tmp_path / "val", {"cat": 2, "dog": 2}, seed=50)
    return tmp_path


def test_a_healthy_folder(healthy: Path) -> None:
    health = report(healthy)
    assert health.pictures == 11
    assert health.counts == {"train": {"cat": 4, "dog": 3}, "val": {"cat": 2, "dog": 2}}
    assert health.formats == {"PNG": 11}
    assert (health.width.min, health.width.median, health.width.max) == (48, 48, 48)
    for nothing in ("unreadable", "wrong_extension", "exact_duplicates", "near_duplicates", "leaks", "conflicts"):
        assert getattr(health, nothing) == ()
    refuse_leaks(health)


def test_an_exact_leak(healthy: Path) -> None:
    shutil.copy(healthy / "val" / "cat" / "001.png", healthy / "train" / "cat" / "copy.png")
    health = report(healthy)
    (leak,) = health.leaks
    assert leak.kind == "exact"
    assert {(path.name, split) for path, split in zip(leak.paths, leak.splits, strict=True)} == {
        ("001.png", "val"),
        ("copy.png", "train"),
    }
    assert health.exact_duplicates == (leak,)
    assert health.near_duplicates == ()
    with pytest.raises(LeakFound, match=r"1 picture stands .*copy\.png \(train\) is .*001\.png \(val\)"):
        refuse_leaks(health)


def test_a_near_leak(healthy: Path) -> None:
    """Trap: the copy in val is smaller and a JPEG, so no file is equal to another."""
    picture(0).resize((40, 30)).save(healthy / "val" / "cat" / "small.jpg", quality=80)
    health = report(healthy)
    (leak,) = health.leaks
    assert leak.kind == "near"
    assert [path.name for path in leak.paths] == ["000.png", "small.jpg"]
    assert health.exact_duplicates == ()
    assert health.near_duplicates == (leak,)
    with pytest.raises(LeakFound, match=r"000\.png \(train\) looks like .*small\.jpg \(val\)"):
        refuse_leaks(health)


def test_copies_in_one_split_are_no_leak(healthy: Path) -> None:
    shutil.copy(healthy / "val" / "cat" / "001.png", healthy / "val" / "cat" / "copy.png")
    health = report(healthy)
    assert len(health.exact_duplicates) == 1
    assert health.leaks == health.conflicts == ()


def test_a_leak_of_copies_and_near_copies_is_near_when_copies_stay_in_one_split(healthy: Path) -> None:
    shutil.copy(healthy / "train" / "cat" / "000.png", healthy / "train" / "cat" / "copy.png")
    picture(0).save(healthy / "val" / "cat" / "near.jpg", quality=80)
    health = report(healthy)
    assert [leak.kind for leak in health.leaks] == ["near"]
    assert [len(leak.paths) for leak in health.leaks] == [3]


@pytest.mark.parametrize("kind", ["exact", "near"])
def test_one_picture_under_two_labels(healthy: Path, kind: str) -> None:
    target = healthy / "train" / "dog" / ("x.png" if kind == "exact" else "x.jpg")
    picture(0).save(target)
    (conflict,) = report(healthy).conflicts
    assert conflict.kind == kind
    assert conflict.labels == ("cat", "dog")


def test_blank_pages_are_no_leak(healthy: Path) -> None:
    for split in ("train", "val"):
        for i in range(3):
            picture(0, 20 + i, 20).point(lambda _: 255).save(
                healthy / split / "cat" / f"{split}{i}.jpg", quality=90 - i
            )
    health = report(healthy)
    assert health.near_duplicates == ()
    assert all(leak.kind == "exact" for leak in health.leaks)


def test_what_cannot_be_read_is_told_but_not_counted(healthy: Path) -> None:
    (healthy / "train" / "cat" / "cut.png").write_bytes((healthy / "train" / "cat" / "000.png").read_bytes()[:300])
    picture(99).save(healthy / "train" / "cat" / "real.jpg", "WEBP")
    health = report(healthy)
    assert health.pictures == 12
    ((path, reason),) = health.unreadable
    assert path.name == "cut.png"
    assert "cut off" in reason
    assert [(path.name, name) for path, name in health.wrong_extension] == [("real.jpg", "WEBP")]


def test_many_leaks_name_the_first(tmp_path: Path) -> None:
    for split in ("train", "test"):
        make_classes(tmp_path / split, {"cat": 5, "dog": 5})
    with pytest.raises(LeakFound, match=r"10 pictures stand .*; and 7 more"):
        refuse_leaks(report(tmp_path))


def test_json_has_the_shape_that_the_page_reads(healthy: Path) -> None:
    shutil.copy(healthy / "val" / "cat" / "001.png", healthy / "train" / "dog" / "copy.png")
    picture(0).save(healthy / "train" / "dog" / "x.jpg")
    (healthy / "train" / "cat" / "empty.png").touch()
    picture(99).save(healthy / "train" / "cat" / "real.jpg", "WEBP")
    written = report(healthy).to_json()
    assert json.loads(json.dumps(written)) == written

    def shape(value: object) -> object:
        """Keys and types, of a list those of its first element."""
        if isinstance(value, dict):
            return {key: shape(inner) for key, inner in value.items()}
        return [shape(value[0])] if isinstance(value, list) else type(value)

    example = make_health(["cat", "dog"])
    for free in ("counts", "formats", "modes"):  # their keys are names
        del example[free], written[free]
    for pair in (example, written):
        for kind in ("exact_duplicates", "near_duplicates", "leaks", "conflicts"):
            assert pair[kind], kind
    assert shape(written) == shape(example)


class TestUnreadableCsv:
    def test_names_with_commas_and_lines(self, tmp_path: Path) -> None:
        facts = [
            PictureFacts(Path('/a, "b"\nc.png'), reason="it is empty (0 bytes)"),
            PictureFacts(Path("/fine.png")),
            PictureFacts(Path("/ü.png"), reason="x; y, z"),
        ]
        write_unreadable_csv(tmp_path / "sub" / "unreadable.csv", facts)
        with (tmp_path / "sub" / "unreadable.csv").open(encoding="utf-8", newline="") as file:
            assert list(csv.DictReader(file)) == [
                {"path": '/a, "b"\nc.png', "reason": "it is empty (0 bytes)"},
                {"path": "/ü.png", "reason": "x; y, z"},
            ]

    def test_the_header_is_there_even_without_rows(self, tmp_path: Path) -> None:
        write_unreadable_csv(tmp_path / "unreadable.csv", [])
        assert (tmp_path / "unreadable.csv").read_text().split() == ["path,reason"]

    def test_where_nothing_can_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StorageError):
            write_unreadable_csv(tmp_path / "file" / "unreadable.csv", [])


def test_facts_come_in_any_order(healthy: Path) -> None:
    table: Table = read_source(healthy)
    save(healthy / "train" / "cat" / "later.png", 7)
    facts = scan(table)
    assert examine(table, facts[::-1]) == examine(table, facts)
