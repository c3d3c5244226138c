import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from tests.ladder.make_run import make_run
from tests.ladder.spoil import spoil
from toprung.errors import RunError
from toprung.ladder.board import BoardRow, print_board, rank, read_board
from toprung.ladder.board_table import draw_board, interval_bar


def printed(rows: list[BoardRow], width: int = 180) -> str:
    console = Console(width=width, record=True, force_terminal=False)
    print_board(rows, console)
    return console.export_text()


def test_best_first_and_told_apart_by_intervals(tmp_path: Path) -> None:
    for name, skill in (("bad", 0.5), ("best", 5.0), ("close", 4.6)):
        make_run(tmp_path / name, skill=skill, splits=("val",), seed=len(name), epochs=2)
    rows = read_board(tmp_path)
    assert [row.name for row in rows] == ["best", "close", "bad"]
    assert [row.rank for row in rows] == [1, 2, 3]
    assert [row.tied for row in rows] == [False, True, False]
    assert not any(row.other_pictures for row in rows)
    best = json.loads((tmp_path / "best" / "scores.json").read_text())["val"]
    assert rows[0].accuracy == best["accuracy"]["value"]
    assert (rows[0].low, rows[0].high) == (best["accuracy"]["low"], best["accuracy"]["high"])
    assert rows[0].log_loss == best["log_loss"]["value"]
    assert (rows[0].epochs, rows[0].seconds, rows[0].pictures, rows[0].split) == (2, 1169.0, 120, "val")


def test_test_and_val_never_share_a_ranking(tmp_path: Path) -> None:
    make_run(tmp_path / "tested", skill=1.0, splits=("val", "test"), epochs=1)
    make_run(tmp_path / "only_val", skill=8.0, splits=("val",), epochs=1)
    rows = read_board(tmp_path)
    assert [(row.name, row.split, row.rank) for row in rows] == [
        ("tested", "test", 1),
        ("only_val", "val", 1),
    ]
    assert "test and on val do not compare" in printed(rows)
    rows = read_board(tmp_path, split="val")
    assert [(row.name, row.split, row.rank) for row in rows] == [("only_val", "val", 1), ("tested", "val", 2)]


def test_runs_on_other_pictures_are_flagged(tmp_path: Path) -> None:
    make_run(tmp_path / "a", skill=5.0, splits=("val",), epochs=1)
    make_run(tmp_path / "b", skill=2.0, splits=("val",), epochs=1, kind="other")
    make_run(tmp_path / "c", skill=1.5, splits=("val",), epochs=1)
    (tmp_path / "c" / "predictions" / "val.npz").write_bytes(b"damaged")
    make_run(tmp_path / "d", skill=1.0, splits=("val",), epochs=1)
    rows = read_board(tmp_path)
    assert {row.name: row.other_pictures for row in rows} == {"a": False, "b": True, "c": True, "d": False}
    assert "scored on other pictures" in printed(rows)


def test_order_of_the_pictures_does_not_matter(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", splits=("val",), epochs=1)
    before = read_board(tmp_path)[0].picture_set
    file = run / "predictions" / "val.npz"
    with np.load(file) as data:
        content = {name: data[name] for name in data.files}
    for name in ("paths", "hashes", "labels", "logits"):
        content[name] = content[name][::-1]
    np.savez_compressed(file, **content)
    assert read_board(tmp_path)[0].picture_set == before != ""


def test_unfinished_and_damaged_runs_stand_below(tmp_path: Path) -> None:
    make_run(tmp_path / "fine", splits=("val",), epochs=1)
    make_run(tmp_path / "failed", status="failed", epochs=1)
    make_run(tmp_path / "stopped", status="interrupted", epochs=1)
    unscored = make_run(tmp_path / "unscored", epochs=1)
    (unscored / "scores.json").unlink()
    for name, content in (("broken", "{"), ("newer", '{"format": 99, "status": "finished"}'), ("list", "[]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(content)
    (tmp_path / "no_run").mkdir()
    rows = read_board(tmp_path)
    assert [row.name for row in rows if row.rank] == ["fine"]
    why = {row.name: (row.status, row.error) for row in rows[1:]}
    assert why["failed"] == ("failed", "the loss became NaN at step 40")
    assert why["unscored"] == ("finished", "no scores on test or val")
    assert why["broken"][0] == why["list"][0] == "damaged"
    assert why["newer"][0] == "newer"
    assert "no_run" not in why
    told = printed(rows)
    assert "not ranked" in told
    assert "NaN at step 40" in told


def test_one_run_folder_is_a_board_of_one(tmp_path: Path) -> None:
    assert [row.rank for row in read_board(make_run(tmp_path / "a", epochs=1))] == [1]


@pytest.mark.parametrize("there", [True, False])
def test_no_runs_is_an_error_with_a_remedy(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "runs"
    if there:
        folder.mkdir()
    with pytest.raises(RunError, match="toprung train"):
        read_board(folder)


def row(name: str, accuracy: float, **more: object) -> BoardRow:
    given = {
        "low": accuracy - 0.02,
        "high": accuracy + 0.02,
        "split": "val",
        "status": "finished",
        "picture_set": "x",
    }
    return replace(BoardRow(name, name, accuracy=accuracy, log_loss=1.0), **(given | more))


@given(st.lists(st.tuples(st.floats(0.1, 0.9), st.sampled_from(["test", "val"]), st.booleans()), max_size=9))
def test_ranking_loses_nothing_and_is_in_order(given_rows: list[tuple[float, str, bool]]) -> None:
    rows = [
        row(f"r{i}", accuracy, split=split, status="finished" if done else "failed")
        for i, (accuracy, split, done) in enumerate(given_rows)
    ]
    ranked = rank(rows)
    assert sorted(r.name for r in ranked) == sorted(r.name for r in rows)
    for split in ("test", "val"):
        group = [r for r in ranked if r.rank is not None and r.split == split]
        assert [r.rank for r in group] == list(range(1, len(group) + 1))
        assert [r.accuracy for r in group] == sorted((r.accuracy for r in group), reverse=True)
        for one in group[1:]:
            assert one.tied == (one.high >= group[0].low)


def test_equal_accuracies_are_ordered_by_log_loss() -> None:
    assert [r.name for r in rank([row("a", 0.8, log_loss=None), row("b", 0.8, log_loss=2.0), row("c", 0.8)])] == [
        "c",
        "b",
        "a",
    ]


def test_interval_bars_share_an_axis() -> None:
    assert interval_bar(row("a", 0.75, low=0.5, high=1.0), 0.0, 9) == "    ├─●─┤"
    assert interval_bar(row("a", 0.0, low=0.0, high=0.25), 0.0, 9) == "●─┤      "
    assert interval_bar(row("a", 0.75, low=0.5, high=1.0), 0.0, 9, fancy=False) == "    |-o-|"


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.95), st.integers(4, 40))
def test_interval_bars_keep_their_width(a: float, b: float, c: float, start: float, columns: int) -> None:
    low, middle, high = sorted((a, b, c))
    drawn = interval_bar(row("a", middle, low=low, high=high), start, columns)
    assert len(drawn) == columns
    assert "●" in drawn


@pytest.mark.parametrize("width", [64, 80, 100, 132, 200])
def test_accuracy_and_interval_fit_any_terminal(tmp_path: Path, width: int) -> None:
    make_run(tmp_path / "a-rather-long-name-of-a-run-with-details", splits=("val",), epochs=1)
    (only,) = read_board(tmp_path)
    told = printed([only], width)
    assert f"{100 * only.accuracy:.1f}" in told
    assert f"{100 * only.low:.1f}–{100 * only.high:.1f}" in told
    assert "●" in told
    assert max(map(len, told.splitlines())) <= width


def test_names_are_shown_as_they_are() -> None:
    told = printed(rank([row("[red]x[/red]\x1b[2J", 0.8, error="[bold]")]))
    assert "[red]x[/red]?[2J" in told
    assert "\x1b" not in told


def test_terminals_without_unicode_get_ascii() -> None:
    rows = rank([row("ünï 猫", 0.8, model="a_model_whose_name_does_not_fit_beside_the_rest")])
    parts = draw_board(rows, width=90, encoding="ascii")
    console = Console(width=90, record=True, file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    for part in parts:
        console.print(part)
    told = console.export_text()
    assert told.isascii()
    assert "?n? ?" in told
    assert re.search(r"\|-*o-*\|", told)


def test_board_is_light(tmp_path: Path) -> None:
    make_run(tmp_path / "a", epochs=1)
    code = (
        "import sys; from pathlib import Path; from toprung.ladder.board import *;"
        "print_board(read_board(Path(sys.argv[1])));"
        "assert not {'torch', 'sklearn', 'scipy', 'PIL', 'jinja2'} & set(sys.modules), 'heavy import'"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_no_content_of_the_files_breaks_the_board(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    run = make_run(tmp_path_factory.mktemp("runs") / "a", epochs=1, pictures=20)
    for name in ("run.json", "scores.json"):
        (run / name).write_text(json.dumps(spoil(data, json.loads((run / name).read_text()))))
    (run / "metrics.jsonl").write_text(json.dumps(spoil(data, {"kind": "epoch", "epoch": 3})))
    rows = read_board(run)
    printed(rows)
    json.dumps([row.to_json() for row in rows], allow_nan=False)
