"""Calibrate a run: fit on its validation pictures, look at the result on others, and keep both in the run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from toprung.errors import RunError
from toprung.evaluation.calibrated import (
    CalibrationSettings,
    apply_by_halves,
    apply_calibration,
    calibration_report,
    fit_calibration,
    labelled,
)
from toprung.evaluation.predictions import Predictions
from toprung.runs.calibration import calibration_to_json, write_calibration
from toprung.runs.folder import RunFolder

HALVES = "halves of val"
"""Name of the pictures looked at where there are no others: each half by what was fitted on the other half."""


def calibrate(
    run: Path, settings: CalibrationSettings, *, pictures: Predictions | None = None, source: str = ""
) -> dict[str, Any]:
    """Calibrate a run, write its ``calibration.json`` and return what stands in it.

    Temperature, threshold and sets are fitted on the validation predictions. They are looked at on ``pictures``,
    else on the test split, else on the halves of val, each by what was fitted on the other; the calibration that
    is kept is fitted on all of val.

    Args:
        run: the folder.
        settings: what is asked for.
        pictures: predictions of other labelled pictures.
        source: what to call those.

    Raises:
        RunError: no run, no validation predictions, or pictures of other classes.
        DataError: no labels, too few pictures, or a setting that makes no sense.
        StorageError: the file cannot be written.
    """
    folder = RunFolder.open(run)
    if folder.kind == "pretraining":
        raise RunError(f"{run} is a pretraining: an encoder without a classifier has no confidence to calibrate.")
    val = labelled(Predictions.read(folder.predictions_file("val")))
    calibration = fit_calibration(val, settings)
    looked, split = _others(folder, pictures, source)
    if looked is None:
        looked, split, applied = val, HALVES, apply_by_halves(val, settings)
    else:
        applied = apply_calibration(calibration, looked)
    report = {"split": split} | calibration_report(looked, applied, settings)
    settled = {"settings": asdict(settings), "pictures": len(val), "report": report}
    write_calibration(folder, calibration, **settled)
    return calibration_to_json(calibration) | settled


def _others(folder: RunFolder, pictures: Predictions | None, source: str) -> tuple[Predictions | None, str]:
    """Return pictures that took no part in the fit, and their name; ``None`` where there are none."""
    if pictures is not None:
        return labelled(pictures), source
    file = folder.predictions_file("test")
    return (labelled(Predictions.read(file)), "test") if file.is_file() else (None, "")
