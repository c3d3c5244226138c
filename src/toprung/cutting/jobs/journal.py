"""``cutouts.jsonl``: what a job has begun and finished, a line at a time, so that it goes on wherever it was stopped.

    {"begun": "/photos/a.jpg", "stem": "a", "claimed": {"a.png": null}}
    {"done": "/photos/a.jpg", "stem": "a", "options": "<hash>", "inputs": {"/photos/a.jpg": [size, mtime_ns, "<hash>"]},
     "claimed": {"a.png": [size, mtime_ns]}, "files": ["a.png"], "row": {...}}

A line that was cut short by the end of the process counts as not written; the last line of a photo counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TextIO

from toprung.cutting.jobs.row import Row
from toprung.errors import StorageError
from toprung.images.files import content_hash
from toprung.storage import explain, write_bytes

FILE = "cutouts.jsonl"

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds."""


@dataclass(frozen=True)
class Print:
    """What a file was: it counts as unchanged when its stamp, or else its content, is the same."""

    stamp: Stamp
    content: str

    def fits(self, path: Path) -> bool:
        """Return whether the file is as it was."""
        try:
            now = stamp_of(path)
            return now == self.stamp or (now[0] == self.stamp[0] and content_hash(path.read_bytes()) == self.content)
        except OSError:
            return False


@dataclass(frozen=True)
class Record:
    """What is known of one photo.

    Attributes:
        stem: of its files, relative to the output folder.
        claimed: names of files that are the job's own for this photo, those of earlier options too -> stamp after
            writing, None where writing may have been interrupted.
        row: its line of the CSV, None while it is only begun.
        options: hash of what else it depends on.
        inputs: absolute path -> what the file was.
        files: names of those that belong to the row.
    """

    stem: str
    claimed: Mapping[str, Stamp | None]
    row: Row | None = None
    options: str = ""
    inputs: Mapping[str, Print] = field(default_factory=dict)
    files: tuple[str, ...] = ()


def stamp_of(path: Path) -> Stamp:
    """Return a file's stamp.

    Raises:
        OSError: there is no such file.
    """
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def print_of(path: Path) -> Print:
    """Return what a file is now.

    Raises:
        OSError: it cannot be read.
    """
    stamp = stamp_of(path)
    return Print(stamp, content_hash(path.read_bytes()))


class Journal:
    """The journal of an output folder, open for adding lines.

    Args:
        out: the folder, which exists.

    Attributes:
        records: by the photo's key.

    Raises:
        StorageError: it cannot be read or written.
    """

    def __init__(self, out: Path) -> None:
        self.path = out / FILE
        self.records: dict[str, Record] = {}
        try:
            content = self.path.read_bytes() if self.path.exists() else b""
            whole = content[: content.rfind(b"\n") + 1]
            lines = [_parsed(line) for line in whole.splitlines()]
            kept = self._take(lines)
            if len(kept) < len(lines) or len(whole) < len(content):
                write_bytes(self.path, b"".join(_line(entry) for entry in kept))
            self._file: TextIO = self.path.open("a", encoding="ascii")
        except OSError as error:
            raise explain(error, self.path) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def begin(self, key: str, stem: str, files: Iterable[str]) -> None:
        """Note which files a photo is about to get."""
        before = self.records.get(key)
        claimed = dict(before.claimed if before else {}) | dict.fromkeys(files)
        self._add({"begun": key, "stem": stem, "claimed": claimed})

    def finish(self, key: str, row: Row, options: str, inputs: Mapping[str, Print], files: Mapping[str, Stamp]) -> None:
        """Note how a photo came out; what was claimed and not written is let go."""
        begun = self.records[key]
        older = {name: stamp for name, stamp in begun.claimed.items() if stamp is not None}
        entry = {
            "done": key,
            "stem": begun.stem,
            "options": options,
            "inputs": {path: [*one.stamp, one.content] for path, one in inputs.items()},
            "claimed": older | dict(files),
            "files": list(files),
            "row": row.to_json(),
        }
        self._add(entry)

    def _add(self, entry: dict[str, Any]) -> None:
        self._understand(entry)
        try:
            self._file.write(_line(entry).decode("ascii"))
            self._file.flush()
        except OSError as error:
            raise explain(error, self.path) from error

    def save(self) -> None:
        """Bring what was added to the disk itself, so that it outlasts a power cut."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise explain(error, self.path) from error

    def _take(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Read lines, and return those that still say something."""
        last: dict[str, int] = {}
        for number, entry in enumerate(lines):
            self._understand(entry)
            last[entry.get("done") or entry["begun"]] = number
        return [entry for number, entry in enumerate(lines) if last[entry.get("done") or entry["begun"]] == number]

    def _understand(self, entry: dict[str, Any]) -> None:
        try:
            claimed = {name: stamp and (stamp[0], stamp[1]) for name, stamp in entry["claimed"].items()}
            if "begun" in entry:
                self.records[entry["begun"]] = Record(entry["stem"], claimed)
                return
            inputs = {path: Print((one[0], one[1]), one[2]) for path, one in entry["inputs"].items()}
            row, files = Row.from_json(entry["row"]), tuple(entry["files"])
            self.records[entry["done"]] = Record(entry["stem"], claimed, row, entry["options"], inputs, files)
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
            raise _damaged(self.path) from error


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    return entry if isinstance(entry, dict) else {}


def _damaged(path: Path) -> StorageError:
    return StorageError(
        f"{path} is damaged, or from another version; remove it and the cutouts, or choose another --out."
    )


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode("ascii") + b"\n"
