"""The headline of a report: which split counts, the scores with their intervals, and the verdict in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from toprung.errors import ToprungError
from toprung.evaluation.metrics import score
from toprung.evaluation.mistakes import confused_pairs
from toprung.evaluation.predictions import Predictions
from toprung.ladder.reading import Json, Record, listing, mapping, number, text
from toprung.ladder.wording import amount, decimal, percent, percent_span, plural, split_name

SHARES = {
    "accuracy": ("Accuracy", "pictures answered right"),
    "top5": ("Top-5", "right class among the five likeliest"),
    "balanced_accuracy": ("Balanced accuracy", "mean recall, each class counts the same"),
    "macro_f1": ("Macro F1", "mean of precision and recall over the classes"),
}
_FEW = 100  # below, the interval is wider than about 15 points and worth a word


@dataclass(frozen=True)
class Scored:
    """The scores of one split, checked: shapes that a damaged file may break are whole here.

    Attributes:
        split: ``test`` or ``val``.
        pictures: how many were scored.
        values: the scores as :func:`toprung.evaluation.metrics.score` gives them.
        classes: C class names.
        confusion: ``C x C`` counts, rows true.
    """

    split: str
    pictures: int
    values: Json
    classes: list[str]
    confusion: list[list[int]]


def find_scores(record: Record, predictions: Mapping[str, Predictions], problems: list[str]) -> dict[str, Scored]:
    """Return the scores of the test and val split, headline first; computed anew where the file lacks them.

    Args:
        record: the run.
        predictions: split -> predictions, those that can be read.
        problems: gets a sentence for each split that cannot be scored.
    """
    found = {}
    for split in ("test", "val"):
        checked = _check(split, record.scores.get(split))
        if checked is None and split in predictions:
            if split in record.scores:
                problems.append(f"scores.json is damaged at {split!r}; its scores were computed anew.")
            try:
                checked = _check(split, score(predictions[split]))
            except ToprungError as error:
                problems.append(f"The {split_name(split)} pictures cannot be scored: {error}")
        if checked is not None:
            found[split] = checked
    return found


def _check(split: str, given: object) -> Scored | None:
    values = mapping(given)
    pictures, accuracy = number(values.get("pictures")), measure(values, "accuracy")
    if pictures is None or pictures < 1 or accuracy is None or "low" not in accuracy:
        return None
    rows = [mapping(row) for row in listing(values.get("per_class"))]
    classes = [text(row.get("class")) for row in rows]
    try:
        confusion = np.asarray(values.get("confusion"), dtype=np.int64)
    except (ValueError, TypeError, OverflowError):
        return None
    if not classes or confusion.shape != (len(classes), len(classes)) or confusion.min() < 0:
        return None
    return Scored(split, int(pictures), values, classes, confusion.tolist())


def measure(values: Json, name: str) -> dict[str, float] | None:
    """Return the numbers of one score (``value``, ``low``, ``high`` …), ``None`` where it has no value."""
    numbers = {key: number(value) for key, value in mapping(values.get(name)).items()}
    finite = {key: value for key, value in numbers.items() if value is not None}
    return finite if "value" in finite else None


def forest(scored: dict[str, Scored]) -> dict[str, Any]:
    """Return the rows of the interval chart: each share of the headline split, then val's accuracy.

    Returns:
        ``rows`` (label, help, text, span; left, right and middle in percent of the axis), ``ticks``
        (label, at), and ``baseline``, the place of "always the most frequent class", where on the axis.
    """
    head = next(iter(scored.values()))
    named = [(head, name, *SHARES[name]) for name in SHARES]
    named += [
        (other, "accuracy", f"Accuracy, {split_name(other.split)}", "choices were made on these pictures")
        for other in list(scored.values())[1:]
    ]
    rows: list[dict[str, Any]] = []
    for source, name, label, explained in named:
        numbers = measure(source.values, name)
        if numbers is None:
            continue
        low, high = numbers.get("low", numbers["value"]), numbers.get("high", numbers["value"])
        rows.append({"label": label, "help": explained, "at": (low, numbers["value"], high)})
    lowest = min(min(row["at"]) for row in rows)
    start = max(0.0, math.floor((lowest - 0.02) * 10) / 10) if lowest >= 0.5 else 0.0

    def place(share: float) -> float:
        return round(100 * min(max((share - start) / (1 - start), 0), 1), 2)

    for row in rows:
        low, value, high = row.pop("at")
        row |= {"text": percent(value), "span": percent_span(low, high)}
        row |= {"left": place(low), "middle": place(value), "right": place(high)}
    step = 0.1 if start >= 0.5 else 0.25 if start == 0 else 0.2
    if start >= 0.9:
        step = 0.02
    count = round((1 - start) / step)
    ticks = [start + i * step for i in range(count + 1)]
    _, baseline = most_frequent(head)
    return {
        "rows": rows,
        "ticks": [{"label": percent(tick, 0), "at": place(tick)} for tick in ticks],
        "baseline": place(baseline) if baseline > start else None,
    }


def most_frequent(scored: Scored) -> tuple[str, float]:
    """Return the class with most pictures, and the accuracy that always answering it would have."""
    totals = np.asarray(scored.confusion).sum(axis=1)
    return scored.classes[int(totals.argmax())], float(totals.max() / max(int(totals.sum()), 1))


def verdict(record: Record, scored: dict[str, Scored]) -> list[str]:
    """Say in sentences what the scores mean and how far to trust them; the first is the verdict itself."""
    head = next(iter(scored.values()))
    accuracy = measure(head.values, "accuracy") or {}
    value = accuracy["value"]
    right = accuracy.get("correct", round(value * head.pictures))
    span = percent_span(accuracy.get("low"), accuracy.get("high"))
    sentences = [
        f"{amount(right)} of {amount(head.pictures)} {split_name(head.split)} pictures right "
        f"({percent(value)}, 95\u202f% interval {span})."
    ]
    sentences += _how_chosen(record, scored)
    if head.pictures < _FEW:
        half = (accuracy.get("high", 1) - accuracy.get("low", 0)) / 2
        sentences.append(
            f"With only {plural(head.pictures, 'picture')} the interval is wide: about ±{100 * half:.0f} points."
        )
    name, baseline = most_frequent(head)
    sentences.append(f"Always answering “{name}” would be right for {percent(baseline)}.")
    pairs = confused_pairs(head.confusion, head.classes, limit=1)
    if pairs:
        worst = pairs[0]
        sentences.append(
            f"The most frequent mistake: “{worst.true}” taken for “{worst.predicted}”, {_times(worst.count)}."
        )
    return sentences


NOTHING = "nothing"


def _how_chosen(record: Record, scored: dict[str, Scored]) -> list[str]:
    if told := text(record.run.get("how_chosen")):  # an average: its parents' splits matter too
        return [told]
    if "test" in scored:
        sentence = (
            f"These pictures took no part in training or in choosing {text(record.run.get('chosen')) or 'the epoch'}"
        )
        validated = scored.get("val")
        on_val = measure(validated.values, "accuracy") if validated else None
        if on_val:
            sentence += f"; on the validation pictures, where it was chosen, {percent(on_val['value'])}"
        # A leak is told apart, in red; here the sentence would be untrue.
        return [] if listing(record.health.get("leaks")) else [sentence + "."]
    best = number(record.run.get("best_epoch"))
    epoch = f"the best epoch ({best:.0f})" if best is not None else "the best epoch"
    chosen = text(record.run.get("chosen"))
    if chosen == NOTHING:
        return ["There is no test split, but nothing was chosen on these pictures."]
    return [
        f"There is no test split: {chosen or epoch} was chosen on these same pictures, so the score is slightly "
        "optimistic. Keep some pictures aside (--test-fraction 0.15) for a score without that."
    ]


def calibration_words(scored: Scored) -> list[str]:
    """Say whether the model's probabilities can be taken at their word."""
    ece, accuracy = measure(scored.values, "ece"), measure(scored.values, "accuracy")
    if ece is None or accuracy is None:
        return []
    bins = [mapping(one) for one in listing(scored.values.get("reliability"))]
    pairs = [(number(one.get("count")) or 0.0, number(one.get("confidence")) or 0.0) for one in bins]
    mean = sum(count * confidence for count, confidence in pairs) / (sum(count for count, _ in pairs) or 1)
    said = f"On average the model is {percent(mean)} sure and {percent(accuracy['value'])} right"
    chance = ece.get("by_chance")
    explained = ece.get("low") == 0 and chance is not None
    if explained:
        sentences = [said + ": no sign of miscalibration beyond chance."]
    else:
        sentences = [said + (": it is over-confident." if mean > accuracy["value"] else ": it is under-confident.")]
    told = f"Expected calibration error {decimal(ece['value'])}"
    if "low" in ece and "high" in ece:
        told += f" (95\u202f% interval {decimal(ece['low'])}–{decimal(ece['high'])})"
    if chance is not None:
        told += f"; a perfectly calibrated model would show about {decimal(chance)} on so many pictures"
    return [*sentences, told + "."]


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{amount(count)} times")
