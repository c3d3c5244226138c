"""The calibration that a run holds, in ``calibration.json``."""

from __future__ import annotations

import hashlib
import math
from typing import Any

from toprung.errors import RunError
from toprung.evaluation.abstention import Threshold
from toprung.evaluation.calibrated import Calibration
from toprung.evaluation.conformal import METHODS, ConformalRule
from toprung.runs.folder import RunFolder
from toprung.storage import explain

FORMAT = 1


def calibration_to_json(calibration: Calibration) -> dict[str, Any]:
    """Return plain values; an infinite limit of the sets is ``null``, as JSON knows no infinity."""
    threshold = calibration.threshold
    return {
        "classes": list(calibration.classes),
        "temperature": calibration.temperature,
        "threshold": None
        if threshold is None
        else {
            "value": threshold.value,
            "wanted": threshold.wanted,
            "level": threshold.level,
            "pictures": threshold.pictures,
            "correct": threshold.correct,
        },
        "sets": {
            "method": calibration.rule.method,
            "coverage": calibration.rule.coverage,
            "limits": [None if math.isinf(limit) else limit for limit in calibration.rule.limits],
        },
        "seed": calibration.seed,
    }


def write_calibration(run: RunFolder, calibration: Calibration, **more: Any) -> None:
    """Write a run's ``calibration.json``, in place of an earlier one.

    Args:
        run: the folder.
        calibration: what was fitted on the run's validation predictions.
        more: further entries, such as the report.

    Raises:
        StorageError: full disk, or no permission.
    """
    content = {"format": FORMAT, "fitted_on": predictions_fingerprint(run)} | calibration_to_json(calibration) | more
    run.write_json(run.calibration_file, content)


def read_calibration(run: RunFolder) -> Calibration:
    """Read the calibration of a run.

    Raises:
        RunError: there is none, it is damaged or of a newer version, or the run's predictions have changed since.
    """
    if not run.calibration_file.is_file():
        raise RunError(f"{run.path} holds no calibration.json; run `toprung calibrate {run.path}` first.")
    content = run.read_json(run.calibration_file)
    again = f"run `toprung calibrate {run.path}` again"
    written = content.get("format")
    if isinstance(written, int) and written > FORMAT:
        raise RunError(f"{run.calibration_file} was written by a newer toprung (format {written}); update toprung.")
    try:
        calibration = _from_json(content)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise RunError(f"{run.calibration_file} is damaged ({type(error).__name__}: {error}); {again}.") from error
    if content.get("fitted_on") != predictions_fingerprint(run):
        raise RunError(f"{run.path} was calibrated on other validation predictions than it holds now; {again}.")
    return calibration


def predictions_fingerprint(run: RunFolder) -> str:
    """Return a hash of the run's validation predictions: another model has others.

    Raises:
        RunError: the run holds none.
    """
    file = run.predictions_file("val")
    try:
        return hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()
    except FileNotFoundError:
        raise RunError(f"{file} is missing; a calibration needs the run's validation predictions.") from None
    except OSError as error:
        raise explain(error, file, "read") from error


def _from_json(content: dict[str, Any]) -> Calibration:
    classes = tuple(str(name) for name in content["classes"])
    temperature, seed = float(content["temperature"]), int(content["seed"])
    if not (math.isfinite(temperature) and temperature > 0):
        raise ValueError(f"a temperature of {temperature}")
    given, sets = content["threshold"], content["sets"]
    threshold = None
    if given is not None:
        threshold = Threshold(
            float(given["value"]),
            float(given["wanted"]),
            float(given["level"]),
            int(given["pictures"]),
            int(given["correct"]),
        )
    limits = tuple(math.inf if limit is None else float(limit) for limit in sets["limits"])
    if len(limits) != len(classes) or sets["method"] not in METHODS:
        raise ValueError(f"{len(limits)} limits of the method {sets['method']!r} for {len(classes)} classes")
    return Calibration(
        classes, temperature, threshold, ConformalRule(sets["method"], float(sets["coverage"]), limits), seed
    )
