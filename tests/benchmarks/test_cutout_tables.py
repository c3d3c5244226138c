"""The tables' own arithmetic."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from benchmarks.cutout_tables import printing
from benchmarks.cutout_tables.memory import large
from benchmarks.cutout_tables.sources import cases


def test_the_ratio_is_to_the_best_peer_that_sees_no_truth(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {
        "one": [30.0],
        "other": [20.0],
        "closed form, TRUE trimap": [5.0],
        "none": [float("nan")],
        "toprung": [10.0],
    }
    printing.ratio("MAE", rows, 0)
    assert capsys.readouterr().out == "MAE: toprung 10, best peer 20 (other), 2.00 × smaller\n"


def test_a_missing_figure_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    printing.table("title", ["a", "b"], {"x": [1.0, float("nan")]}, [1, 1])
    last = capsys.readouterr().out.splitlines()[-1].split()
    assert last == ["x", "1.0", "–"]


def test_rows_are_saved_one_a_line(tmp_path: Path) -> None:
    printing.save(tmp_path / "rows.jsonl", [{"a": 1}, {"a": 2}])
    assert [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()] == [{"a": 1}, {"a": 2}]
    printing.save(None, [{"a": 1}])


def test_made_cases_come_group_by_group() -> None:
    found = list(cases("made", 1, (48, 64)))
    assert [case.group for case in found] == ["plain", "camouflaged", "holes", "thin", "soft"]
    assert [case.name for case in cases("made", 1, (48, 64), "holes")] == [found[2].name]
    with pytest.raises(SystemExit, match="no case"):
        list(cases("/nowhere", 1))


def test_a_large_case_has_the_size_and_the_motion() -> None:
    case = large(2.0)
    assert case.photo.size / 3e6 == pytest.approx(2.0, rel=0.01)
    small_corner, up = np.array([10.0, 20.0, 1.0]), case.photo.shape[1] / 800
    assert np.isfinite(case.matrix @ small_corner).all()
    assert up == pytest.approx(np.sqrt(2e6 / 480_000), rel=0.01)
