"""What a person is told of a comparison: a sentence that says whether it is real, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Sequence

from toprung.evaluation.comparison.counts import CountComparison
from toprung.evaluation.comparison.paired import MetricDifference, PairComparison
from toprung.evaluation.comparison.seeds import SeedComparison

LEVEL = 0.05


def pair_lines(first: str, second: str, found: PairComparison, adjusted: float | None) -> list[str]:
    """Return the verdict and the numbers of a paired comparison.

    Args:
        first, second: names.
        found: the comparison.
        adjusted: Holm's p-value among several comparisons, ``None`` for a single one.
    """
    accuracy = found.accuracy
    p_value = found.p_value if adjusted is None else adjusted
    of = f"of {found.pictures:,} pictures"
    lines = [
        verdict(first, second, found, p_value),
        f"accuracy           {accuracy.first:.2%} and {accuracy.second:.2%}: {_points(accuracy)}, of pairs",
        f"changed            {found.second_only} gained and {found.first_only} lost by {second} {of}; "
        f"both right {found.both}, both wrong {found.neither}",
        f"McNemar, exact     {_p(found.p_value)}" + ("" if adjusted is None else f", {_p(adjusted)} after Holm"),
        f"paired bootstrap   95 % interval {100 * found.bootstrap.low:+.2f} … {100 * found.bootstrap.high:+.2f} points",
        f"can be shown       {_smallest(found.smallest_difference, found.pictures)}",
    ]
    names = {"balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1", "log_loss": "log-loss"}
    for key, name in names.items():
        one = found.metrics[key]
        if key == "log_loss":
            lines.append(
                f"{name:<18} {one.first:.4f} and {one.second:.4f}: {one.difference:+.4f} nats "
                f"(95 % interval {one.low:+.4f} … {one.high:+.4f})"
            )
        else:
            lines.append(f"{name:<18} {one.first:.2%} and {one.second:.2%}: {_points(one)}, bootstrap")
    return lines


def verdict(first: str, second: str, found: PairComparison, p_value: float) -> str:
    """Return one sentence: which is better, or that nothing is shown."""
    accuracy = found.accuracy
    if p_value < LEVEL:
        better, worse = (second, first) if accuracy.difference > 0 else (first, second)
        size = abs(accuracy.difference)
        return f"{better} is better than {worse}, by {100 * size:.2f} points ({_p(p_value)})."
    changed = found.first_only + found.second_only
    return (
        f"{first} and {second} cannot be told apart: {100 * accuracy.difference:+.2f} points, "
        f"{changed} of {found.pictures:,} pictures changed ({_p(p_value)})."
    )


def seed_lines(first: str, second: str, found: SeedComparison) -> list[str]:
    """Return the verdict and the numbers of two recipes over their seeds."""
    spreads = [
        f"{name:<18} {one.mean:.2%}, seeds: {one.seeds}, standard deviation {100 * one.deviation:.2f} points"
        for name, one in ((first, found.first), (second, found.second))
    ]
    interval = (
        f"95 % interval {100 * found.interval.low:+.2f} … {100 * found.interval.high:+.2f}, over seeds and pictures"
    )
    if found.p_value < LEVEL:
        better = second if found.difference > 0 else first
        said = f"over seeds {better} is better, by {100 * abs(found.difference):.2f} points ({_p(found.p_value)})."
    else:
        said = f"over seeds the two cannot be told apart: {100 * found.difference:+.2f} points ({_p(found.p_value)})."
    return [said, *spreads, f"difference         {100 * found.difference:+.2f} points ({interval})"]


def count_lines(names: Sequence[str], found: CountComparison) -> list[str]:
    """Return the verdict and the numbers of two counts."""
    first, second = found.first, found.second
    change = second.right - first.right
    step = f"{abs(change)} {'picture' if abs(change) == 1 else 'pictures'} of {second.pictures:,}"
    lines = [_count_verdict(names, found, step)]
    low, high = (100 * end for end in found.interval)
    lines.append(
        f"difference         {100 * found.difference:+.3f} points, 95 % interval {low:+.2f} … {high:+.2f}, unpaired"
    )
    if found.best_paired_p is not None and found.worst_paired_p is not None:
        lines.append(
            f"same pictures      McNemar, exact: from {_p(found.best_paired_p)} (all that changed, changed one way) to "
            f"{_p(found.worst_paired_p)} (as many as possible changed both ways)"
        )
    lines.append(f"other pictures     {_p(found.p_value)} (Fisher, exact)")
    lines.append(
        f"can be shown       {100 * found.smallest_difference:.2f} points or more, by two such sets in 80 % of cases"
    )
    return lines


def _count_verdict(names: Sequence[str], found: CountComparison, step: str) -> str:
    first, second = names
    if found.second.right * found.first.pictures == found.first.right * found.second.pictures:
        return f"{first} and {second} are equal."
    if found.best_paired_p is None:
        shown = "is shown" if found.p_value < LEVEL else "is not shown"
        return f"{first} to {second}: a difference {shown}, {_p(found.p_value)} (other numbers of pictures)."
    if found.best_paired_p >= LEVEL:
        return f"{first} to {second}: {step}. No pairing of the answers could make this more than chance."
    if found.worst_paired_p is not None and found.worst_paired_p < LEVEL:
        return f"{first} to {second}: {step}. Real, whichever pictures changed."
    return f"{first} to {second}: {step}. The counts alone cannot tell whether it is real; compare the predictions."


def _points(one: MetricDifference) -> str:
    return f"{100 * one.difference:+.2f} points (95 % interval {100 * one.low:+.2f} … {100 * one.high:+.2f})"


def _smallest(value: float | None, pictures: int) -> str:
    if value is None:
        return f"nothing: with {pictures:,} pictures even answers that all changed one way would not be significant"
    count = max(1, round(value * pictures))
    return f"{100 * value:.2f} points ({count} of {pictures:,} pictures) or more, in 80 % of cases"


def _p(value: float) -> str:
    """Return ``p = 0.03``, or ``p < 0.0001``."""
    return "p < 0.0001" if value < 1e-4 else f"p = {value:.4f}" if value < 0.01 else f"p = {value:.2f}"
