from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from toprung.errors import DataError
from toprung.evaluation.calibrated import (
    CalibrationSettings,
    apply_by_halves,
    apply_calibration,
    calibration_report,
    fit_calibration,
    labelled,
)
from toprung.evaluation.conformal import METHODS
from toprung.evaluation.predictions import Predictions


def draw(generator: np.random.Generator, count: int, sharpness: float = 3.0) -> Predictions:
    """Predictions of an over-confident model."""
    labels = generator.integers(4, size=count)
    logits = generator.normal(size=(count, 4))
    logits[np.arange(count), labels] += 2.0
    hashes = tuple(generator.bytes(8).hex() for _ in range(count))
    paths = tuple(f"/p/{i}.jpg" for i in range(count))
    return Predictions(paths, hashes, labels, (sharpness * logits).astype(np.float32), tuple("abcd"))


@pytest.mark.parametrize("method", list(METHODS))
def test_promises_hold_on_new_pictures_with_everything_fitted_on_the_same(method: str) -> None:
    generator = np.random.default_rng(0)
    settings = CalibrationSettings(precision=0.85, coverage=0.9, method=method)
    new = draw(generator, 6_000)
    covered, broken, told = [], 0, 0
    for _ in range(100):
        calibration = fit_calibration(draw(generator, 300), settings)
        applied = apply_calibration(calibration, new)
        covered.append(applied.sets[np.arange(6_000), new.labels].mean())
        if calibration.threshold:
            told += 1
            broken += (new.predicted == new.labels)[applied.answered].mean() < 0.85
    assert np.mean(covered) >= 0.9 - 3 * np.std(covered) / np.sqrt(100)
    assert told > 50
    assert broken <= 100 * 0.05 + 3 * np.sqrt(100 * 0.05 * 0.95)


def test_report_by_hand() -> None:
    generator = np.random.default_rng(1)
    val, test = draw(generator, 800), draw(generator, 500)
    settings = CalibrationSettings(precision=0.9)
    calibration = fit_calibration(val, settings)
    applied = apply_calibration(calibration, test)
    report = calibration_report(test, applied, settings)
    assert calibration.temperature > 1.3
    assert report["after"]["ece"]["value"] < report["before"]["ece"]["value"]
    assert report["after"]["log_loss"]["value"] < report["before"]["log_loss"]["value"]
    correct = test.predicted == test.labels
    assert report["curve"]["accuracy"][-1] == pytest.approx(correct.mean())
    assert report["answers"]["answered"] == applied.answered.sum()
    assert report["answers"]["precision"]["value"] == pytest.approx(correct[applied.answered].mean())
    assert report["answers"]["coverage"]["low"] < applied.answered.mean() < report["answers"]["coverage"]["high"]
    held = applied.sets[np.arange(500), test.labels]
    assert report["sets"]["held"] == held.sum() == sum(row["held"] for row in report["sets"]["per_class"])
    assert sum(report["sets"]["sizes"].values()) == 500
    sizes = sum(int(size) * count for size, count in report["sets"]["sizes"].items())
    assert report["sets"]["mean_size"] == pytest.approx(sizes / 500)


def test_halves_are_never_judged_by_themselves() -> None:
    val = draw(np.random.default_rng(2), 400)
    settings = CalibrationSettings(precision=0.8)
    applied = apply_by_halves(val, settings)
    # a picture's label has no say in its own set: turn the labels of one half and only the other half changes
    other = applied.probabilities
    turned = replace(val, labels=(val.labels + (np.arange(400) % 2)) % 4)
    assert not np.array_equal(apply_by_halves(turned, settings).probabilities, other)
    order = np.random.default_rng(0).permutation(400)
    shuffled = Predictions(
        tuple(val.paths[i] for i in order),
        tuple(val.hashes[i] for i in order),
        val.labels[order],
        val.logits[order],
        val.classes,
    )
    assert apply_by_halves(shuffled, settings).probabilities == pytest.approx(other[order])


def test_equal_files_stand_in_the_same_half() -> None:
    val = draw(np.random.default_rng(3), 200)
    twice = replace(val, hashes=tuple(val.hashes[i // 2] for i in range(200)), labels=np.repeat(val.labels[:100], 2))
    applied = apply_by_halves(twice, CalibrationSettings())
    ratio = (twice.logits[:, 0] - twice.logits[:, 1]) / np.log(
        applied.probabilities[:, 0] / applied.probabilities[:, 1]
    )
    assert ratio[0::2] == pytest.approx(ratio[1::2], rel=1e-3)  # the temperature that each picture got
    assert len(np.unique(ratio.round(3))) == 2


def test_half_of_halves_differ_but_the_answers_do_not() -> None:
    val = draw(np.random.default_rng(4), 300)
    calibration = fit_calibration(val, CalibrationSettings())
    applied = apply_calibration(calibration, val)
    assert (applied.probabilities.argmax(1) == val.predicted).all()
    assert applied.probabilities.sum(1) == pytest.approx(1)
    assert applied.sets.any(1).all()


def test_without_a_wrong_answer_the_probabilities_stay_as_they_are() -> None:
    val = draw(np.random.default_rng(6), 100)
    right = replace(val, labels=val.predicted)
    calibration = fit_calibration(right, CalibrationSettings())
    assert calibration.temperature == 1
    assert apply_calibration(calibration, right).probabilities == pytest.approx(val.probabilities)


def test_unlabelled_pictures_and_other_classes() -> None:
    val = draw(np.random.default_rng(5), 60)
    half = replace(val, labels=np.where(np.arange(60) % 2, val.labels, -1))
    assert fit_calibration(half, CalibrationSettings()) == fit_calibration(labelled(half), CalibrationSettings())
    with pytest.raises(DataError, match="none of 60"):
        fit_calibration(replace(val, labels=np.full(60, -1)), CalibrationSettings())
    calibration = fit_calibration(val, CalibrationSettings())
    with pytest.raises(DataError, match="other classes"):
        apply_calibration(calibration, replace(val, classes=tuple("abce")))
    assert not apply_calibration(replace(calibration, threshold=None), val).answered.any()
