from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ladder.make_run import make_run
from tests.ladder.spoil import spoil
from toprung.errors import RunError
from toprung.evaluation.calibrated import CalibrationSettings
from toprung.evaluation.predictions import Predictions
from toprung.ladder.answering import Answers, answers_of
from toprung.ladder.calibrating import HALVES, calibrate
from toprung.ladder.report import write_report
from toprung.runs.calibration import read_calibration
from toprung.runs.folder import RunFolder


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = make_run(tmp_path_factory.mktemp("runs") / "one", pictures=400)
    calibrate(run, CalibrationSettings(precision=0.8, method="aps"))
    return run


def test_what_is_written_is_read_back_and_only_its_own_file_is_replaced(tmp_path: Path) -> None:
    run = make_run(tmp_path / "one", pictures=300)
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    first = calibrate(run, CalibrationSettings(precision=0.8))
    stored = read_calibration(RunFolder(run))
    assert (stored.temperature, stored.rule.method) == (first["temperature"], "lac")
    again = calibrate(run, CalibrationSettings(precision=0.8, method="raps", by_class=True))
    assert read_calibration(RunFolder(run)).rule.method == "raps"
    assert again["report"]["split"] == "test"
    after = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    assert {file: content for file, content in after.items() if file.name != "calibration.json"} == before
    assert calibrate(run, CalibrationSettings(precision=0.8)) == first


def test_without_test_pictures_halves_of_val_are_looked_at(tmp_path: Path) -> None:
    run = make_run(tmp_path / "one", splits=("val",), pictures=300)
    result = calibrate(run, CalibrationSettings())
    assert result["report"]["split"] == HALVES
    assert result["report"]["pictures"] == 300


def test_a_class_that_is_in_every_set_survives_json(tmp_path: Path) -> None:
    run = make_run(tmp_path / "one", pictures=40, classes=tuple("abcdefgh"))
    calibrate(run, CalibrationSettings(by_class=True, coverage=0.95))
    limits = read_calibration(RunFolder(run)).rule.limits
    assert np.isinf(limits).all()
    assert "Infinity" not in (run / "calibration.json").read_text()


def test_a_calibration_of_another_model_is_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path / "one")
    folder = RunFolder(run)
    with pytest.raises(RunError, match=r"run `toprung calibrate .*one` first"):
        read_calibration(folder)
    calibrate(run, CalibrationSettings())
    folder.predictions_file("val").write_bytes(folder.predictions_file("test").read_bytes())
    with pytest.raises(RunError, match="other validation predictions"):
        read_calibration(folder)
    folder.calibration_file.write_text('{"format": 99}')
    with pytest.raises(RunError, match="newer toprung"):
        read_calibration(folder)
    folder.predictions_file("val").unlink()
    with pytest.raises(RunError, match=r"val\.npz is missing"):
        calibrate(run, CalibrationSettings())


def test_a_calibration_without_a_threshold_says_so(tmp_path: Path) -> None:
    run = make_run(tmp_path / "one", pictures=60)
    assert calibrate(run, CalibrationSettings(precision=0.99))["threshold"] is None
    with pytest.raises(RunError, match=r"--threshold 0\.8"):
        answers_of(run, calibrated=False, threshold="auto", sets=False)
    assert answers_of(run, calibrated=True, threshold=0.8, sets=False).threshold == 0.8


def test_answers_are_those_of_the_report(calibrated: Path) -> None:
    """Picture by picture, as `predict` writes them, the numbers of the report come out."""
    report = json.loads((calibrated / "calibration.json").read_text())["report"]
    test = Predictions.read(RunFolder(calibrated).predictions_file("test"))
    answers = answers_of(calibrated, calibrated=True, threshold="auto", sets=False)
    shares = [answers.probabilities(row) for row in test.logits]
    assert sum(not answers.abstains(row) for row in shares) == report["answers"]["answered"]
    assert answers.columns == ["abstained"]
    plain = Answers()
    assert plain.columns == []
    assert plain.settings == {}
    assert plain.probabilities(test.logits[0]) == pytest.approx(test.probabilities[0])


def words(run: Path) -> str:
    return re.sub(r"<[^>]*>|\s+", " ", write_report(run).read_text(encoding="utf-8"))


def test_the_page_shows_it(calibrated: Path, tmp_path: Path) -> None:
    page = words(calibrated)
    assert "After calibration" in page
    assert "Answering only when sure" in page
    assert "Sets (aps)" in page
    assert "After calibration" not in words(make_run(tmp_path / "plain"))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_calibration_neither_breaks_the_page_nor_predicts(calibrated: Path, data: st.DataObject) -> None:
    from toprung.ladder.calibration_section import calibration_section

    folder = RunFolder(calibrated)
    whole = folder.calibration_file.read_text()
    try:
        folder.calibration_file.write_text(json.dumps(spoil(data, json.loads(whole))))
        problems: list[str] = []
        shown = calibration_section(folder, problems)
        assert shown is None or "reliability" in shown
        assert shown is not None or problems or folder.calibration_file.read_text() == "{}"
        with contextlib.suppress(RunError):
            read_calibration(folder)
    finally:
        folder.calibration_file.write_text(whole)
