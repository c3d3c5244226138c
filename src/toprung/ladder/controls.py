"""An averaged model beside its controls, in words: was it the averaging, or the longer training?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toprung.ladder.reading import listing, mapping, number, text
from toprung.ladder.wording import plural

LEVEL = 0.05
WORDS = {
    "last": "last weights, not averaged",
    "last-statistics": "last weights, new BatchNorm statistics",
    "best-epoch": "best epoch, not averaged",
    "start": "before these epochs",
}
_JUDGES = ("last-statistics", "last")  # the first that there is tells what the averaging itself did


@dataclass(frozen=True)
class ControlRow:
    """One control of an averaged model on one split.

    Attributes:
        name: of the variant, see ``WORDS``.
        split: ``val`` or ``test``.
        accuracy: of the control, in [0, 1].
        gained: pictures that only the averaged model gets right.
        lost: pictures that only the control gets right.
        p_value: of McNemar's exact test.
    """

    name: str
    split: str
    accuracy: float
    gained: int
    lost: int
    p_value: float

    @property
    def words(self) -> str:
        """What the control is."""
        return WORDS.get(self.name, self.name)


def read_controls(record: Mapping[str, Any]) -> dict[str, list[ControlRow]]:
    """Return the controls in ``run.json`` by split; damaged entries are left out."""
    found: dict[str, list[ControlRow]] = {}
    for entry in map(mapping, listing(record.get("controls"))):
        outcome = mapping(entry.get("outcome"))
        figures = [number(entry.get("accuracy")), *(number(outcome.get(key)) for key in _FIGURES)]
        accuracy, gained, lost, p_value = figures
        if accuracy is None or gained is None or lost is None or p_value is None:
            continue
        row = ControlRow(text(entry.get("name")), text(entry.get("split")), accuracy, int(gained), int(lost), p_value)
        found.setdefault(row.split, []).append(row)
    return found


_FIGURES = ("first_only", "second_only", "p_value")


def verdict(controls: Sequence[ControlRow]) -> str:
    """Return in one sentence whether the averaging itself did anything, on one split.

    It is judged by the last weights of the same training, with BatchNorm statistics made as the average's.
    """
    named = {control.name: control for control in controls}
    judge = next((named[name] for name in _JUDGES if name in named), None)
    if judge is None:
        return ""
    gained, against = plural(judge.gained, "picture"), f"{judge.words} (p = {judge.p_value:.2g})"
    counts = f"{gained} gained, {judge.lost} lost against: {against}"
    if judge.p_value >= LEVEL:
        return f"No gain of the averaging is shown: {counts}."
    return f"The averaging {'helped' if judge.gained > judge.lost else 'hurt'}: {counts}."
