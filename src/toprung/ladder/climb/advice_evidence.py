"""What the rules of advice look at: runs as they stand on disk, read with patience."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from toprung.errors import RunError
from toprung.evaluation.predictions import Predictions
from toprung.ladder.reading import Json, Record, listing, mapping, number, read_json, read_record, text
from toprung.runs.folder import RunFolder


@dataclass(frozen=True)
class Seen:
    """One run.

    Attributes:
        folder: where it stands.
        record: its text files.
    """

    folder: RunFolder
    record: Record

    @property
    def name(self) -> str:
        """The run's name."""
        return self.record.name

    @cached_property
    def recipe(self) -> Json:
        """The settings by subject; empty where there are none."""
        try:
            return tomllib.loads(self.record.recipe)
        except (tomllib.TOMLDecodeError, RecursionError):
            return {}

    def setting(self, subject: str, name: str) -> Any:
        """Return one setting, ``None`` where the recipe does not name it."""
        return mapping(self.recipe.get(subject)).get(name)

    @cached_property
    def is_probe(self) -> bool:
        """Whether only a head was fitted, on features of a frozen network."""
        return bool(mapping(self.record.run.get("probe")))

    @cached_property
    def is_fine_tuned(self) -> bool:
        """Whether it was trained epoch by epoch."""
        return not self.is_probe and bool(self.record.epochs)

    @property
    def start(self) -> tuple[str, str]:
        """Architecture and weights that it began with."""
        return text(self.setting("model", "name")), text(self.setting("model", "weights"))

    @property
    def source(self) -> str:
        """The pictures, as a command names them."""
        return text(mapping(self.record.run.get("data")).get("path")) or "PICTURES"

    @property
    def health(self) -> Json:
        """The account of the pictures: the run's, else that of the climb around it."""
        if self.record.health:
            return self.record.health
        return read_json(self.folder.path.parent / "data" / "health.json", [])

    def score(self, split: str, key: str) -> tuple[float, float, float] | None:
        """Return value, low and high of a score, ``None`` where it is not there."""
        one = mapping(mapping(self.record.scores.get(split)).get(key))
        values = [number(one.get(part)) for part in ("value", "low", "high")]
        value, low, high = values
        return None if value is None or low is None or high is None else (value, low, high)

    def pictures(self, split: str) -> int:
        """Return how many pictures were scored."""
        return int(number(mapping(self.record.scores.get(split)).get("pictures")) or 0)

    def per_class(self, split: str) -> list[Json]:
        """Return precision and recall of the classes, as they were scored."""
        return [mapping(one) for one in listing(mapping(self.record.scores.get(split)).get("per_class"))]

    def curve(self, key: str) -> list[tuple[int, float]]:
        """Return epoch and value of what was recorded at the end of each."""
        pairs = [(number(line.get("epoch")), number(line.get(key))) for line in self.record.epochs]
        return [(int(epoch), value) for epoch, value in pairs if epoch is not None and value is not None]

    def predictions(self, split: str) -> Predictions | None:
        """Return the predictions of a split, ``None`` where there are none that can be read."""
        try:
            return Predictions.read(self.folder.predictions_file(split))
        except RunError:
            return None

    def again(self, *changes: str) -> str:
        """Return the command that trains as this run was trained, but for some settings."""
        recipe = shlex.quote(str(self.folder.recipe_file))
        return f"toprung train {shlex.quote(self.source)} --recipe {recipe} {' '.join(changes)}".rstrip()

    def command(self, verb: str) -> str:
        """Return ``toprung VERB RUN``."""
        return f"toprung {verb} {shlex.quote(str(self.folder.path))}"


@dataclass(frozen=True)
class Evidence:
    """All runs, best first by validation accuracy; those without one come last."""

    runs: tuple[Seen, ...]

    @classmethod
    def read(cls, runs: Sequence[RunFolder]) -> Evidence:
        """Read the runs.

        Raises:
            RunError: a folder is missing, or of a newer version.
        """
        seen = [Seen(run, read_record(run.path)) for run in runs]

        def accuracy(run: Seen) -> float:
            score = run.score("val", "accuracy")
            return -score[0] if score else 1.0

        return cls(tuple(sorted(seen, key=accuracy)))

    @property
    def scored(self) -> list[Seen]:
        """Runs with a validation accuracy, best first."""
        return [run for run in self.runs if run.score("val", "accuracy")]

    @property
    def best(self) -> Seen | None:
        """The best run on validation."""
        return next(iter(self.scored), None)

    @property
    def fine_tuned(self) -> Seen | None:
        """The best run that was trained epoch by epoch."""
        return next((run for run in self.scored if run.is_fine_tuned), None)
