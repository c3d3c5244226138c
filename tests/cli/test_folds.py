from __future__ import annotations

import json
from pathlib import Path

from tests.cli.command_line import toprung
from tests.pictures import make_pictures


def test_folds_and_refit(tmp_path: Path) -> None:
    pictures = make_pictures(tmp_path / "pictures", per_class=6)
    sets = ["hardware.precision=fp32", "schedule.epochs=1", "optimisation.batch_size=8"]
    words = [word for setting in sets for word in ("--set", setting)]
    common = ["--model", "test_vit", "--weights", "none", "--preset", "quick", *words]
    done = toprung("folds", pictures, *common, "--folds", "2", "--final", "refit", "--out", tmp_path / "runs" / "a")
    assert done.code == 0, done
    assert "of 18 pictures, each predicted once" in done.out
    assert sorted(one.name for one in (tmp_path / "runs").glob("a*")) == ["a", "a-fold0", "a-fold1", "a-refit"]
    assert json.loads((tmp_path / "runs" / "a-refit" / "run.json").read_text())["status"] == "finished"
    again = toprung("folds", pictures, *common, "--folds", "2", "--out", tmp_path / "runs" / "a")
    assert again.code == 0, again
    assert "reused" in again.out
    assert json.loads((tmp_path / "runs" / "a-ensemble" / "run.json").read_text())["kind"] == "fusion"
    assert "a-ensemble" in toprung("board", tmp_path / "runs").out
