"""What a run folder says about itself, read with patience.

The report and the board must also show runs that failed, were stopped, or were damaged afterwards. So a
missing file is empty here, and a damaged one is empty and listed under ``problems``; nothing but a missing
folder or a newer format is an error.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from toprung.errors import RunError
from toprung.runs.folder import FORMAT, RunFolder

Json = dict[str, Any]


@dataclass(frozen=True)
class Record:
    """The text files of one run. What is missing is empty.

    Attributes:
        path: the run folder.
        run: ``run.json``: name, status, times, model.
        recipe: ``recipe.toml`` as text.
        environment: versions and machine.
        health: ``data/health.json``.
        load_report: what the starting weights gave.
        scores: split -> result of :func:`toprung.evaluation.metrics.score`.
        problems: one sentence for each file that cannot be read.
    """

    path: Path
    run: Json
    recipe: str
    environment: Json
    health: Json
    load_report: Json
    scores: Json
    problems: list[str]

    @property
    def name(self) -> str:
        """The run's name; that of its folder where ``run.json`` is missing."""
        return text(self.run.get("name")) or self.path.resolve().name

    @property
    def status(self) -> str:
        """``running``, ``interrupted``, ``finished``, ``failed``, or ``unknown``."""
        return text(self.run.get("status")) or "unknown"

    @cached_property
    def _lines(self) -> list[Json]:
        return list(_json_lines(RunFolder(self.path).metrics_file, self.problems))

    @property
    def steps(self) -> list[Json]:
        """Lines of ``metrics.jsonl`` about steps, in order."""
        return [line for line in self._lines if line.get("kind") == "step"]

    @property
    def notes(self) -> list[str]:
        """What the training loop wanted the user to know, each once, in order."""
        told = [text(line.get("text")) for line in self._lines if line.get("kind") == "note"]
        return [note for note in dict.fromkeys(told) if note]

    @property
    def epochs(self) -> list[Json]:
        """Lines of ``metrics.jsonl`` about epochs, in order; of an epoch told twice (a resume) the last."""
        last = {number(line.get("epoch")): line for line in self._lines if line.get("kind") == "epoch"}
        return [last[epoch] for epoch in sorted(epoch for epoch in last if epoch is not None)]


def read_record(run: Path) -> Record:
    """Read a run folder.

    Args:
        run: the folder, ``runs/<name>``.

    Returns:
        The record; files that are missing or damaged are empty in it.

    Raises:
        RunError: there is no such folder, or it was written by a newer toprung.
    """
    run = Path(run)
    if not run.is_dir():
        raise RunError(f"there is no run folder {run}; give a folder such as runs/NAME.")
    folder, problems = RunFolder(run), list[str]()
    record = read_json(folder.record_file, problems)
    written = record.get("format")
    if isinstance(written, int) and written > FORMAT:
        raise RunError(
            f"{run} was written by a newer toprung (run format {written}, this one reads up to {FORMAT}); "
            "update toprung."
        )
    return Record(
        path=run,
        run=record,
        recipe=_read_text(folder.recipe_file, problems),
        environment=read_json(folder.environment_file, problems),
        health=read_json(folder.health_file, problems),
        load_report=read_json(folder.load_report_file, problems),
        scores=read_json(folder.scores_file, problems),
        problems=problems,
    )


def read_json(file: Path, problems: list[str]) -> Json:
    """Return a JSON object, empty where the file is missing or damaged; damage is added to ``problems``."""
    content = _read_text(file, problems)
    if not content:
        return {}
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as error:
        problems.append(f"{file.name} is damaged: {error}.")
        return {}
    if not isinstance(parsed, dict):
        problems.append(f"{file.name} is damaged: it holds no JSON object.")
        return {}
    return parsed


def number(value: object) -> float | None:
    """Return a finite float, or ``None`` for anything else that a damaged file may hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an integer of 400 digits
        return None


def text(value: object) -> str:
    """Return a string as it is, a number as text, and "" for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""


def mapping(value: object) -> Json:
    """Return a JSON object as it is, and an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def listing(value: object) -> list[Any]:
    """Return a JSON list as it is, and an empty one for anything else."""
    return value if isinstance(value, list) else []


def _read_text(file: Path, problems: list[str]) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{file.name} cannot be read: {error}.")
        return ""


def _json_lines(file: Path, problems: list[str]) -> Iterator[Json]:
    # The last line of a run that was killed may be cut in half: that is no damage worth a word.
    lines = _read_text(file, problems).splitlines()
    bad = 0
    for place, line in enumerate(lines):
        try:
            parsed = json.loads(line)
        except (ValueError, RecursionError):
            bad += place + 1 < len(lines)
            continue
        if isinstance(parsed, dict):
            yield parsed
    if bad:
        problems.append(f"{file.name} holds {bad} damaged lines; they are left out.")
