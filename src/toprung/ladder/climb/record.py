"""What a climb has done so far, in ``climb.json``; written anew, in one step, at every change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from toprung.errors import RunError
from toprung.runs.folder import RunFolder
from toprung.storage import write_json
from toprung.version import __version__

FORMAT = 1
FILE = "climb.json"
DONE = ("finished", "reused")

RungRecord = dict[str, Any]


class ClimbRecord:
    """The record of one climb.

    Args:
        folder: of the climb.
        content: as it stands in the file.
    """

    def __init__(self, folder: Path, content: dict[str, Any]) -> None:
        self.folder, self.content = folder, content

    @classmethod
    def open(cls, folder: Path) -> ClimbRecord:
        """Read the record of a climb.

        Raises:
            RunError: no climb, damaged, or written by a newer version.
        """
        file = folder / FILE
        if not file.is_file():
            raise RunError(f"{folder} is not a climb: it holds no {FILE}.")
        content = RunFolder(folder).read_json(file)
        written = content.get("format")
        if not isinstance(written, int) or not isinstance(content.get("rungs"), list):
            raise RunError(f"{file} is damaged: it names no format or no rungs.")
        if written > FORMAT:
            raise RunError(f"{file} was written by a newer toprung (format {written}); update toprung.")
        return cls(folder, content)

    @property
    def file(self) -> Path:
        """``climb.json``."""
        return self.folder / FILE

    def save(self) -> None:
        """Write the record in one step."""
        write_json(self.file, {"format": FORMAT, "kind": "climb", "toprung": __version__} | self.content)

    def update(self, **changes: Any) -> None:
        """Change entries of the climb, and write it."""
        self.content |= changes
        self.save()

    def rungs(self) -> Iterator[RungRecord]:
        """Iterate over the rungs in their order."""
        yield from self.content["rungs"]

    def rung(self, name: str) -> RungRecord | None:
        """Return the record of a rung, ``None`` for one that the climb does not have."""
        return next((rung for rung in self.rungs() if rung.get("name") == name), None)

    def note(self, name: str, **changes: Any) -> None:
        """Change entries of a rung, and write the record."""
        rung = self.rung(name)
        if rung is None:
            raise AssertionError(f"no rung {name}")
        rung |= changes
        self.save()

    def finished_runs(self, name: str) -> list[RunFolder]:
        """Return the runs of a rung that came to their end; none of a rung that did not."""
        rung = self.rung(name)
        if rung is None or rung["status"] not in DONE:
            return []
        return [RunFolder(self.folder / run) for run in rung["runs"]]


def opening(name: str, kind: str, needs: tuple[str, ...]) -> RungRecord:
    """Return the record of a rung that waits."""
    return {
        "name": name,
        "kind": kind,
        "status": "waiting",
        "runs": [],
        "reason": "",
        "error": "",
        "needs": list(needs),
        "estimate_seconds": None,
        "seconds": None,
        "memory_bytes": None,
        "command": "",
        "commands": {},
        "keys": [],
    }


def val_score(run: RunFolder) -> tuple[float, float]:
    """Return accuracy and minus log-loss of a run on the selection split; the better run is the larger.

    Raises:
        RunError: the run has no scores there.
    """
    scores: Mapping[str, Any] = run.read_json(run.scores_file).get("val", {})
    try:
        return float(scores["accuracy"]["value"]), -float(scores["log_loss"]["value"])
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{run.scores_file} holds no scores of val; score the run again.") from error
