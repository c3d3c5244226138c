"""The parts of a report that show one run's training and answers, as plain values for the template."""

from __future__ import annotations

import math
import statistics
from typing import Any

import numpy as np

from toprung.evaluation.calibration import ReliabilityBin
from toprung.evaluation.mistakes import confident_mistakes, confused_pairs, doubtful_labels
from toprung.evaluation.predictions import Predictions
from toprung.ladder.charts import Series, line_chart, reliability_chart
from toprung.ladder.findings import Scored, calibration_words
from toprung.ladder.reading import Record, listing, mapping, number
from toprung.ladder.thumbnails import Thumbnails
from toprung.ladder.wording import percent, short

HEAT_MAP_CLASSES = 40  # more do not fit a screen; the pairs most confused say more then
_MISTAKES = 24
_PAIRS = 30
_POINTS = 400  # of a line per step: more than a chart has pixels


def training(record: Record) -> dict[str, Any]:
    """Return the training curves: loss, accuracy and learning rate, each with a legend."""
    epochs, steps = record.epochs, record.steps
    best = number(record.run.get("best_epoch"))

    def by_epoch(key: str) -> list[tuple[float, float]]:
        pairs = [(number(line.get("epoch")), number(line.get(key))) for line in epochs]
        return [(x, y) for x, y in pairs if x is not None and y is not None]

    loss = [
        Series("per step", "faint", _steps_in_epochs(record)),
        Series("training", "train", by_epoch("train_loss"), dots=True),
        Series("validation", "val", by_epoch("val_loss"), dots=True),
    ]
    accuracy = [
        Series("validation", "val", by_epoch("val_accuracy"), dots=True),
        Series("averaged weights (EMA)", "ema", by_epoch("ema_val_accuracy"), dots=True),
    ]
    rates = [(number(line.get("step")), number(line.get("lr"))) for line in steps]
    rate = [Series("learning rate", "val", _thin([(x, y) for x, y in rates if x is not None and y is not None]))]
    charts = [
        ("Loss", loss, line_chart(loss, x_label="epoch", title="Loss by epoch", show=short, mark=best)),
        (
            "Validation accuracy",
            accuracy,
            line_chart(
                accuracy,
                x_label="epoch",
                title="Validation accuracy by epoch",
                show=_whole_percent,
                mark=best,
            ),
        ),
        ("Learning rate", rate, line_chart(rate, x_label="step", title="Learning rate by step", show=_rate)),
    ]
    speeds = [speed for line in steps if (speed := number(line.get("images_per_second")))]
    return {
        "charts": [
            {"name": name, "legend": [one for one in series if one.points], "svg": svg}
            for name, series, svg in charts
            if svg
        ],
        "epochs": len(epochs),
        "best": best,
        "speed": statistics.median(speeds) if speeds else None,
        "notes": record.notes,
    }


def _rate(rate: float) -> str:
    return f"{rate:g}" if rate >= 1e-3 or rate <= 0 else f"{rate:.2g}"


def _whole_percent(share: float) -> str:
    return percent(share, 0 if math.isclose(100 * share, round(100 * share), abs_tol=1e-6) else 1)


def _steps_in_epochs(record: Record) -> list[tuple[float, float]]:
    """Return the loss per step, its x in epochs: the ends of the epochs say where a step lies."""
    ends = [(number(line.get("step")), number(line.get("epoch"))) for line in record.epochs]
    known = sorted((step, epoch) for step, epoch in ends if step is not None and epoch is not None)
    pairs = [(number(line.get("step")), number(line.get("loss"))) for line in record.steps]
    points = [(x, y) for x, y in pairs if x is not None and y is not None]
    if not known or not points:
        return []
    placed = np.interp(
        [x for x, _ in points], [0.0, *(step for step, _ in known)], [0.0, *(epoch for _, epoch in known)]
    )
    return _thin([(float(x), y) for x, (_, y) in zip(placed, points, strict=True)])


def _thin(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return at most ``_POINTS`` means of neighbours, in order of x."""
    points = sorted(points)
    if len(points) <= _POINTS:
        return points
    parts = np.array_split(np.asarray(points), _POINTS)
    return [(float(part[:, 0].mean()), float(part[:, 1].mean())) for part in parts]


def confusion(scored: Scored) -> dict[str, Any]:
    """Return the heat map (few classes) and the pairs most confused.

    A cell's shade is its share of the row, so that small classes show as clearly as large ones.
    """
    counts = np.asarray(scored.confusion)
    totals = counts.sum(axis=1)
    shares = counts / np.maximum(totals, 1)[:, None]
    count = len(scored.classes)
    rows = []
    if count <= HEAT_MAP_CLASSES:
        for t, name in enumerate(scored.classes):
            cells = [
                {
                    "count": int(counts[t, p]),
                    # the root lifts rare confusions out of the background
                    "shade": round(float(shares[t, p]) ** 0.6, 3),
                    "right": t == p,
                    "tip": f"{name} → {scored.classes[p]}: {counts[t, p]} of {totals[t]}",
                }
                for p in range(count)
            ]
            rows.append({"name": name, "total": int(totals[t]), "cells": cells})
    pairs = confused_pairs(scored.confusion, scored.classes)
    shown = pairs[: _PAIRS if count > HEAT_MAP_CLASSES else 8]
    most = shown[0].count if shown else 1
    size = "large" if count <= 6 else "medium" if count <= 14 else "small" if count <= 24 else "tiny"
    return {
        "classes": scored.classes,
        "rows": rows,
        "size": size,
        "pairs": [{"pair": pair, "width": round(100 * pair.count / most, 1)} for pair in shown],
        "more": len(pairs) - len(shown),
    }


def mistakes(predictions: Predictions, thumbnail: Thumbnails) -> dict[str, Any]:
    """Return the surest wrong answers with their pictures; those whose label is in doubt are marked."""
    found = confident_mistakes(predictions)
    doubted = doubtful_labels(predictions)
    doubtful = {mistake.row for mistake in doubted}
    return {
        "total": len(found),
        "doubtful": len(doubted),
        "cards": [
            {"mistake": mistake, "thumbnail": thumbnail(mistake.path), "doubtful": mistake.row in doubtful}
            for mistake in found[:_MISTAKES]
        ],
    }


def calibration(scored: Scored) -> dict[str, Any]:
    """Return the reliability diagram and what it means in words."""
    bins = []
    for one in (mapping(given) for given in listing(scored.values.get("reliability"))):
        low, high, count = (number(one.get(key)) for key in ("low", "high", "count"))
        if low is None or high is None or count is None or not 0 <= low < high <= 1 or count < 0:
            continue
        confidence, accuracy = number(one.get("confidence")), number(one.get("accuracy"))
        bins.append(ReliabilityBin(low, high, confidence, accuracy, int(count)))
    return {"svg": reliability_chart(bins), "words": calibration_words(scored)}


def per_class(scored: Scored) -> list[dict[str, Any]]:
    """Return the rows of the table of classes, numbers checked; a class without pictures has no recall."""
    rows = []
    for given in (mapping(row) for row in listing(scored.values.get("per_class"))):
        keys = ("pictures", "precision", "recall", "f1", "recall_low", "recall_high")
        row: dict[str, Any] = {key: number(given.get(key)) for key in keys}
        row["name"] = given.get("class")
        if not row["pictures"]:
            row |= {"recall": None, "f1": None, "recall_low": None, "recall_high": None}
        row["whisker"] = None not in (row["recall"], row["recall_low"], row["recall_high"])
        rows.append(row)
    return rows
