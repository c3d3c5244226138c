from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command_line import toprung
from tests.ladder.make_run import make_run
from toprung.cli.calibrate import command
from toprung.evaluation.conformal import METHODS
from toprung.evaluation.predictions import softmax
from toprung.ladder.run import Run


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def test_methods_are_those_that_there_are() -> None:
    choice = next(one for one in command.params if one.name == "method")
    assert list(choice.type.choices) == list(METHODS)


def test_help_loads_no_torch() -> None:
    code = "import sys\nfrom toprung.cli.main import group\n"
    code += "try:\n group(['calibrate', '--help'])\nexcept SystemExit:\n pass\n"
    done = subprocess.run(
        [sys.executable, "-c", code + "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "--precision" in done.stdout


def test_calibrate_tells_what_it_fitted_and_where_it_looked(tmp_path: Path) -> None:
    run = make_run(tmp_path / "one", pictures=400)
    done = toprung("calibrate", run, "--precision", "0.8", "--method", "raps")
    assert done.code == 0, done
    for said in ("fitted on 400 validation pictures", "Looked at on 400 test pictures", "ECE", "Precision 0.8", "raps"):
        assert said in done.out
    assert "After calibration" in (run / "report.html").read_text(encoding="utf-8")
    told = json.loads(toprung("calibrate", run, "--precision", "0.8", "--json").out)
    assert told["report"]["split"] == "test"
    alone = make_run(tmp_path / "alone", splits=("val",), pictures=200)
    assert "There is no test split" in toprung("calibrate", alone).out


def test_mistakes_get_one_sentence(tmp_path: Path) -> None:
    run = make_run(tmp_path / "one")
    done = toprung("calibrate", run, "--precision", "95")
    assert done.code == 2
    assert "precision" in done.err
    assert toprung("calibrate", tmp_path / "gone").code == 2
    assert toprung("calibrate", make_run(tmp_path / "none", splits=()).resolve()).code == 2


def test_predict_needs_a_calibration_and_uses_it(run: Run, pictures: Path, tmp_path: Path) -> None:
    for option in (["--calibrated"], ["--sets"], ["--threshold", "auto"]):
        done = toprung("predict", run.path, pictures, *option)
        assert done.code == 2
        assert f"run `toprung calibrate {run.path}` first" in done.err
    plain = tmp_path / "plain.csv"
    assert toprung("predict", run.path, pictures, "--threshold", "0.35", "-o", plain).code == 0
    for line in rows(plain):
        assert line["abstained"] == ("abstained" if float(line["probability"]) < 0.35 else "")
        assert bool(line["label"]) == (line["abstained"] == "")
    assert toprung("calibrate", run.path, "--method", "aps", "--precision", "0.3").code == 0
    try:
        out = tmp_path / "out.csv"
        options = ["--calibrated", "--sets", "--top", 3]
        done = toprung("predict", run.path, pictures, *options, "-o", out)
        assert done.code == 0, done
        lines = rows(out)
        assert list(lines[0])[-2:] == ["set", "error"]
        temperature = json.loads((run.path / "calibration.json").read_text())["temperature"]
        files = [Path(line["path"]) for line in lines]
        for line, answer in zip(lines, run.predict(files), strict=True):
            logits = np.log(np.fromiter(answer.probabilities.values(), dtype=float))
            assert float(line["probability"]) == pytest.approx(softmax(logits / temperature).max(), abs=2e-6)
            assert line["set"].split("|")[0] == line["label"]
        flipped = toprung("predict", run.path, files[0], "--calibrated", "--views", "flip")
        assert flipped.code == 0, flipped
        assert "need not hold" in flipped.err
        assert "need not hold" not in done.err
        again = tmp_path / "again.csv"
        toprung("predict", run.path, *reversed(files), *options, "-o", again, "--batch-size", 3)
        assert {line["path"]: line["set"] for line in rows(again)} == {line["path"]: line["set"] for line in lines}
    finally:
        (run.path / "calibration.json").unlink()


def test_a_partial_file_of_another_threshold_is_refused(run: Run, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.csv"
    assert toprung("predict", run.path, pictures, "--threshold", "0.35", "-o", out).code == 0
    from toprung.ladder.answering import Answers
    from toprung.ladder.predicting import CsvLines
    from toprung.runs.model import weights_fingerprint

    out.rename(tmp_path / "o.csv.partial")
    settings = {"model": weights_fingerprint(run.path / "model"), "top": 3}
    answers = Answers(threshold=0.35)
    header = CsvLines(run.classes, 3, answers).header
    note = tmp_path / "o.csv.partial.json"
    note.write_text(json.dumps(settings | {"columns": header} | answers.settings, sort_keys=True, ensure_ascii=False))
    done = toprung("predict", run.path, pictures, "--threshold", "0.4", "-o", out)
    assert done.code == 2
    assert "other settings" in done.err
    done = toprung("predict", run.path, pictures, "--threshold", "0.35", "-o", out)
    assert done.code == 0, done


@pytest.mark.parametrize("value", ["2", "-0.1", "often", "nan"])
def test_a_threshold_is_a_probability(value: str, tmp_path: Path) -> None:
    done = toprung("predict", tmp_path, tmp_path, f"--threshold={value}")
    assert done.code == 2
    assert "neither auto nor a probability" in done.err
