"""The part of a run's page that shows what `toprung calibrate` fitted and what it is worth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from toprung.errors import ToprungError
from toprung.evaluation.calibration import ReliabilityBin
from toprung.evaluation.intervals import wilson
from toprung.ladder.calibration_table import answers_words, looked_at, sets_words, temperature_words
from toprung.ladder.charts import Series, line_chart, reliability_chart
from toprung.ladder.reading import number, read_json
from toprung.ladder.wording import percent
from toprung.runs.folder import RunFolder

_FEWEST = 10  # answers that the curve begins with
_CLASSES = 40  # rows of the table; more do not help


def calibration_section(run: RunFolder, problems: list[str]) -> dict[str, Any] | None:
    """Return what the template shows, ``None`` where the run was not calibrated.

    A damaged file is named in ``problems`` and left out as a whole: half a promise is none.
    """
    content = read_json(run.calibration_file, problems)
    if not content:
        return None
    try:
        return _section(content)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, ToprungError) as error:
        problems.append(f"calibration.json is damaged ({type(error).__name__}: {error}); it is left out.")
        return None


def _section(content: dict[str, Any]) -> dict[str, Any]:
    report = content["report"]
    answers, sets = report["answers"], report["sets"]
    for share in (answers["coverage"], sets["coverage"], *filter(None, [answers["precision"]])):
        _shares(share)
    if not isinstance(report["split"], str):
        raise TypeError("the split has no name")
    return {
        "temperature": temperature_words(
            {"temperature": _real(content["temperature"]), "pictures": int(_real(content["pictures"]))}
        ),
        "where": looked_at({"split": report["split"], "pictures": int(_real(report["pictures"]))}),
        "reliability": [_reliability(name, report[key]) for name, key in (("Before", "before"), ("After", "after"))],
        "curve": _curve(report["curve"], answers, int(_real(report["pictures"]))),
        "answers": answers_words(content),
        "sets": sets_words(content),
        "sizes": _sizes(sets["sizes"], int(_real(report["pictures"]))),
        "wanted": _share(sets["wanted"]),
        "classes": [_of_class(row) for row in sets["per_class"]][:_CLASSES],
        "more": max(0, len(sets["per_class"]) - _CLASSES),
    }


def _reliability(name: str, given: dict[str, Any]) -> dict[str, Any]:
    bins = [
        ReliabilityBin(
            _share(one["low"]),
            _share(one["high"]),
            None if one["confidence"] is None else _share(one["confidence"]),
            None if one["accuracy"] is None else _share(one["accuracy"]),
            int(_real(one["count"])),
        )
        for one in given["reliability"]
    ]
    if any(group.low >= group.high or group.count < 0 for group in bins):
        raise ValueError("a bin of the reliability diagram is turned round")
    return {
        "name": name,
        "svg": reliability_chart(bins),
        "ece": _shares(given["ece"]),
        "loss": {key: _real(given["log_loss"][key]) for key in ("value", "low", "high")},
    }


def _curve(given: dict[str, Any], answers: dict[str, Any], pictures: int) -> Markup:
    points = [(_share(x), _share(y)) for x, y in zip(given["coverage"], given["accuracy"], strict=True)]
    # The share of right ones among three answers says nothing, but would take half of the height.
    kept = [(x, y) for x, y in points if x * pictures >= _FEWEST] or points
    answered = np.asarray([x for x, _ in kept]) * pictures
    low, high = wilson(np.minimum([y for _, y in kept] * answered, answered), answered)
    lines = [
        Series("95 % interval", "faint", _in_percent(kept, low)),
        Series("", "faint", _in_percent(kept, high)),
        Series("accuracy", "val", _in_percent(kept, [y for _, y in kept])),
    ]
    return line_chart(
        lines,
        x_label="% of the pictures answered, surest first",
        title="Accuracy against coverage",
        show=lambda share: percent(share, 0),
        mark=100 * _share(answers["coverage"]["value"]) if answers["answered"] else None,
    )


def _in_percent(points: Sequence[tuple[float, float]], ys: Iterable[float]) -> list[tuple[float, float]]:
    return [(100 * x, float(y)) for (x, _), y in zip(points, ys, strict=True)]


def _sizes(given: dict[str, Any], pictures: int) -> list[dict[str, Any]]:
    counts = sorted((int(size), int(_real(count))) for size, count in given.items())
    return [
        {"size": size, "count": count, "share": count / pictures, "width": round(100 * count / pictures, 1)}
        for size, count in counts
    ]


def _of_class(row: dict[str, Any]) -> dict[str, Any]:
    pictures = int(_real(row["pictures"]))
    return {
        "name": str(row["class"]),
        "pictures": pictures,
        "coverage": _share(row["coverage"]) if pictures else None,
        "low": _share(row["low"]),
        "high": _share(row["high"]),
    }


def _shares(given: dict[str, Any]) -> dict[str, float]:
    return {key: _share(given[key]) for key in ("value", "low", "high")}


def _share(value: object) -> float:
    share = _real(value)
    if not 0 <= share <= 1 + 1e-6:
        raise ValueError(f"a share of {share}")
    return share


def _real(value: object) -> float:
    real = number(value)
    if real is None:
        raise ValueError(f"{str(value)[:40]!r} where a number belongs")
    return real
