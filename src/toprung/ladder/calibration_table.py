"""A calibration as tables and sentences on a terminal."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from toprung.ladder.calibrating import HALVES

_MEASURES = {
    "ece": "ECE",
    "adaptive_ece": "adaptive ECE",
    "classwise_ece": "classwise ECE",
    "brier": "Brier score",
    "log_loss": "log-loss",
}


def print_calibration(result: dict[str, Any], console: Console) -> None:
    """Print what :func:`toprung.ladder.calibrating.calibrate` returned."""
    report, where = result["report"], looked_at(result["report"])
    console.print(f"{temperature_words(result)} Looked at {where}.", soft_wrap=True)
    if report["split"] == HALVES:
        console.print(
            "There is no test split: the numbers below are of each half of val with what was fitted on the other "
            "half. Keep some pictures aside (--test-fraction 0.15) for an independent look.",
            style="yellow",
            soft_wrap=True,
        )
    console.print(_measures(report))
    console.print(
        "  Calibration errors measured on few pictures come out too large; their intervals are corrected for that.\n",
        style="dim",
        soft_wrap=True,
    )
    for sentence in (answers_words(result), sets_words(result)):
        console.print(f"  {sentence}", soft_wrap=True)


def temperature_words(result: dict[str, Any]) -> str:
    """Say what the temperature does."""
    value, pictures = result["temperature"], result["pictures"]
    if value == 1:
        return (
            f"None of {pictures} validation pictures was answered wrongly, so no temperature can be fitted: the "
            "probabilities stay as they are."
        )
    was = "too sure" if value > 1 else "not sure enough"
    return (
        f"The logits are divided by {value:.3f}, fitted on {pictures} validation pictures, where the model was {was}. "
        "No answer changes, only how sure it is."
    )


def looked_at(report: dict[str, Any]) -> str:
    """Return "on 210 test pictures" in the words that fit the split."""
    count, split = report["pictures"], report["split"]
    if split == HALVES:
        return "on the same, half by half"
    return f"on {count} test pictures" if split == "test" else f"on {count} pictures of {split}"


def answers_words(result: dict[str, Any]) -> str:
    """Say what the threshold promises and what it gave."""
    answers, threshold = result["report"]["answers"], result["threshold"]
    wanted = f"{answers['wanted']:.4g}"
    if threshold is None:
        return (
            f"Precision {wanted}: no threshold can be shown to reach it on {result['pictures']} pictures; ask for less "
            "(--precision), or keep more pictures for validation."
        )
    told = f"Precision {wanted}: answering from a confidence of {threshold['value']:.2f} on"
    told += f" (shown on {threshold['correct']} of {threshold['pictures']} pictures, 95 % sure)"
    precision, coverage = answers["precision"], answers["coverage"]
    if precision is None:
        return f"{told}, none of the pictures looked at is answered."
    return (
        f"{told}, {answers['correct']} of {answers['answered']} answers are right: {_percent(precision)}; "
        f"answered are {_percent(coverage)} of the pictures."
    )


def sets_words(result: dict[str, Any]) -> str:
    """Say what the sets promise and what they gave."""
    sets, method = result["report"]["sets"], result["sets"]["method"]
    told = (
        f"Sets ({method}) that are to hold the true class {sets['wanted']:.4g} of the time hold it in "
        f"{_percent(sets['coverage'])}, with {sets['mean_size']:.2f} classes on average."
    )
    short = shifted(sets)
    return f"{told} {short}" if short else told


def shifted(sets: dict[str, Any]) -> str:
    """Say that the promise was missed by more than chance explains; "" where it was not."""
    if sets["coverage"]["high"] >= sets["wanted"]:
        return ""
    return "That is less than chance explains: these pictures are unlike those of val, so do not trust the promises."


def _measures(report: dict[str, Any]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title_justify="left", title="How far the probabilities are off")
    table.add_column("")
    for name in ("before", "95 % interval", "after", "95 % interval"):
        table.add_column(name, justify="right")
    for key, name in _MEASURES.items():
        cells = []
        for when in ("before", "after"):
            one = report[when][key]
            cells += [f"{one['value']:.4f}", f"{one['low']:.4f} – {one['high']:.4f}"]
        table.add_row(name, *cells)
    return table


def _percent(share: dict[str, float]) -> str:
    return f"{share['value']:.1%} (95 % interval {share['low']:.1%} – {share['high']:.1%})"
