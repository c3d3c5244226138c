"""What the answers say: a shift between the splits, classes that are hard, confidence, and too few test pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist

from toprung.evaluation.intervals import wilson
from toprung.evaluation.mistakes import confused_pairs
from toprung.evaluation.significance import mcnemar
from toprung.ladder.climb.advice import Advice, register
from toprung.ladder.climb.advice_evidence import Evidence
from toprung.ladder.reading import listing, mapping, number
from toprung.ladder.wording import decimal, p_words, percent, percent_span, plural

_LEAST_SHIFT = 0.02
_WORST = 3
_OFTEN = 0.1
_ECE = 0.03
_LEVEL, _POWER = 0.05, 0.8


@register
def shift(evidence: Evidence) -> Iterator[Advice]:
    """The test accuracy is lower than the validation accuracy, by more than chance (p < 0.01) and two points."""
    run = evidence.best
    val, test = (run.score("val", "accuracy"), run.score("test", "accuracy")) if run else (None, None)
    if run is None or val is None or test is None:
        return
    pictures, others = run.pictures("val"), run.pictures("test")
    if not pictures or not others:
        return
    gap, p_value = val[0] - test[0], _two_shares(val[0], pictures, test[0], others)
    if gap < _LEAST_SHIFT or p_value >= 0.01:
        return
    tuned = evidence.fine_tuned  # augmentation has no effect on a probe
    yield Advice(
        "shift",
        f"{run.name} has {percent(val[0])} on validation but {percent(test[0])} on test ({p_words(p_value)}): the test "
        "pictures are of another kind. Do not trust validation, look at the mistakes, augment for what differs "
        "(colour, crop, blur), or take validation pictures from where the test pictures come from.",
        {"val": val[0], "test": test[0], "p_value": p_value},
        tuned.again("--set augment.auto_augment=trivialaugment", "--set augment.color_jitter=0.3") if tuned else "",
        0.9,
    )


@register
def worst_classes(evidence: Evidence) -> Iterator[Advice]:
    """Classes whose recall is below the accuracy by more than chance, however many classes there are."""
    run = evidence.best
    accuracy = run.score("val", "accuracy") if run else None
    if run is None or accuracy is None:
        return
    rows, given = [], run.per_class("val")
    for one in given:
        recall, count = number(one.get("recall")), number(one.get("pictures"))
        if recall is None or not 0 <= recall <= 1 or not count or count < 0:
            continue
        # Of many classes some are low by chance: each has a share of the 5 % only (Bonferroni).
        low, high = (float(end) for end in wilson(recall * count, count, confidence=1 - _LEVEL / len(given)))
        if high < accuracy[0]:
            rows.append((recall, low, high, str(one.get("class")), int(count)))
    if not rows:
        return
    worst = sorted(rows)[:_WORST]
    told = ", ".join(
        f"{name} ({percent(recall, 0)} of {count}, interval {percent_span(low, high, 0)})"
        for recall, low, high, name, count in worst
    )
    yield Advice(
        "worst-classes",
        f"{run.name} finds some classes less often than the rest ({percent(accuracy[0], 0)}): {told}. Look at their "
        "pictures, and add more of them.",
        {"accuracy": accuracy[0], "recall": {name: recall for recall, _, _, name, _ in worst}},
        run.command("report"),
        0.5,
    )


@register
def confused_classes(evidence: Evidence) -> Iterator[Advice]:
    """The pair that is confused most, where that is a tenth of a class or more."""
    run = evidence.best
    if run is None:
        return
    scores = mapping(run.record.scores.get("val"))
    classes = [str(one.get("class")) for one in run.per_class("val")]
    confusion = [[int(number(count) or 0) for count in listing(row)] for row in listing(scores.get("confusion"))]
    if not classes or len(confusion) != len(classes) or any(len(row) != len(classes) for row in confusion):
        return
    pairs = [pair for pair in confused_pairs(confusion, classes) if pair.count >= 3 and pair.share >= _OFTEN]
    if not pairs:
        return
    pair = pairs[0]
    yield Advice(
        "confused-classes",
        f"{pair.count} of {pair.total} validation pictures of {pair.true} are taken for {pair.predicted} ("
        f"{run.name}). If people can tell them apart, give more pictures of both, or a larger size; if not, join them.",
        {"true": pair.true, "predicted": pair.predicted, "count": pair.count, "total": pair.total},
        run.command("report"),
        0.4,
    )


@register
def few_test_pictures(evidence: Evidence) -> Iterator[Advice]:
    """The two best runs differ by less on test than so many pictures can show."""
    if len(evidence.scored) < 2:
        return
    best, second = evidence.scored[:2]
    first, other = best.predictions("test"), second.predictions("test")
    if first is None or other is None:
        return
    outcome = mcnemar(first, other)
    changed = (outcome.first_only + outcome.second_only) / outcome.pictures
    apart = abs(outcome.first_only - outcome.second_only)
    difference = apart / outcome.pictures
    if not changed or outcome.p_value < _LEVEL:
        return
    smallest = smallest_difference(changed, outcome.pictures)
    needed = pictures_needed(changed, difference) if difference else None
    numbers = {
        "pictures": outcome.pictures,
        "difference": difference,
        "changed": changed,
        "smallest_difference": smallest,
        "pictures_needed": needed,
    }
    more = f" To show a difference like that it takes about {needed} test pictures." if needed else ""
    yield Advice(
        "few-test-pictures",
        f"{best.name} and {second.name} differ by {plural(apart, 'picture')} of "
        f"{outcome.pictures} on test, which chance explains ({p_words(outcome.p_value)}). So many pictures show "
        f"differences from about {100 * smallest:.1f} points on.{more} Till then take the cheaper of the two.",
        numbers,
        "",
        0.35,
    )


@register
def calibration(evidence: Evidence) -> Iterator[Advice]:
    """The confidence is off by more than chance and 0.03, and the run was not calibrated."""
    run = evidence.best
    ece = run.score("val", "ece") if run else None
    if run is None or ece is None or ece[0] < _ECE or ece[1] <= 0 or run.folder.calibration_file.is_file():
        return
    yield Advice(
        "calibration",
        f"The confidence of {run.name} is off by {decimal(ece[0])} on average on validation (calibration error, "
        f"interval {decimal(ece[1])}–{decimal(ece[2])}). Calibrate it before anyone relies on its probabilities.",
        {"ece": ece[0], "low": ece[1], "high": ece[2]},
        run.command("calibrate"),
        0.3,
    )


def smallest_difference(changed: float, pictures: int) -> float:
    """Return the smallest difference of two accuracies that a paired test finds with 80 % power at 5 %.

    Args:
        changed: share of the pictures that only one of the two has right, in (0, 1].
        pictures: N.

    Returns:
        In (0, changed]; at most ``changed``, as no difference can be larger.

    Source:
        Connor 1987, "Sample size for testing differences in proportions for the paired-sample design", solved for
        the difference by bisection.
    """
    low, high = 0.0, changed
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if pictures_needed(changed, middle) <= pictures else (middle, high)
    return high


def pictures_needed(changed: float, difference: float) -> int:
    """Return how many pictures a paired test needs to find a difference with 80 % power at 5 %.

    Args:
        changed: share of the pictures that only one of the two has right.
        difference: of the two accuracies, in (0, changed].

    Source:
        Connor 1987: n = (z_{α/2} √ψ + z_β √(ψ - δ²))² / δ².
    """
    if difference <= 0:
        return 10**12
    normal = NormalDist()
    certain = normal.inv_cdf(1 - _LEVEL / 2) * math.sqrt(changed)
    likely = normal.inv_cdf(_POWER) * math.sqrt(max(changed - difference**2, 0.0))
    return math.ceil(min(((certain + likely) / difference) ** 2, 1e12))


def _two_shares(first: float, pictures: int, second: float, others: int) -> float:
    """Return the two-sided p-value of the pooled z test of two independent shares."""
    pooled = (first * pictures + second * others) / (pictures + others)
    error = math.sqrt(max(pooled * (1 - pooled), 1e-12) * (1 / pictures + 1 / others))
    return 2 * NormalDist().cdf(-abs(first - second) / error)
