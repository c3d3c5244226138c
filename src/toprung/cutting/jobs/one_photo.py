"""What a worker does with one photo: cut it out, write the files, tell how it came out; no error escapes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toprung.cutting.jobs.deciding import decided
from toprung.cutting.jobs.journal import Print, Stamp, print_of, stamp_of
from toprung.cutting.jobs.photos import absolute
from toprung.cutting.jobs.row import Row
from toprung.cutting.result import Cutout
from toprung.cutting.review.choices import Choice
from toprung.cutting.writing import Style, write_cutout
from toprung.errors import ToprungError
from toprung.images.files import content_hash

Cutter = Callable[..., Cutout]
"""``cutter(photo, plate, second, second_plate, **settings)``, all paths or None: a function of a module."""

Noter = Callable[[Path, str, Any, tuple[str, ...]], object]
"""``noter(out, name, cutout or reason, files)``: keeps what a review shows of a photo: a function of a module."""


@dataclass(frozen=True)
class Order:
    """Everything that one photo's cutout depends on.

    Attributes:
        key: what the journal knows it by.
        photo: path as given.
        plate, second, second_plate, trimap: the pictures that belong to it.
        problem: why it cannot be cut out, "" if it can.
        out: the output folder.
        stem: of its files, relative to ``out``.
        style: how it is written.
        options: hash of what all photos depend on.
        settings: further keywords of the cutter.
        choice: what a person decided about it, None for the automatic cutout.
        cutter: cuts out.
        noter: told afterwards, if any.
    """

    key: str
    photo: Path
    out: Path
    stem: str
    style: Style
    cutter: Cutter
    plate: Path | None = None
    second: Path | None = None
    second_plate: Path | None = None
    trimap: Path | None = None
    problem: str = ""
    options: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    choice: Choice | None = None
    noter: Noter | None = None

    @property
    def inputs(self) -> tuple[Path, ...]:
        """All pictures that it depends on."""
        pictures = (self.photo, self.plate, self.second, self.second_plate, self.trimap)
        return tuple(path for path in pictures if path is not None)

    @property
    def depends_on(self) -> str:
        """Hash of what it depends on beside its pictures."""
        chosen = "" if self.choice is None else json.dumps(self.choice.to_json(), sort_keys=True)
        return content_hash(f"{self.options} {chosen}".encode())

    def failed(self, reason: str, seconds: float = 0.0) -> Row:
        """Return the row of a photo that has no cutout."""
        return Row(str(self.photo), str(self.plate or ""), "error", reasons=(reason,), seconds=seconds)


@dataclass(frozen=True)
class Outcome:
    """How it went.

    Attributes:
        row: for the CSV.
        inputs: absolute path -> what the file was before it was used.
        files: name relative to the output folder -> stamp after writing.
    """

    row: Row
    inputs: Mapping[str, Print] = field(default_factory=dict)
    files: Mapping[str, Stamp] = field(default_factory=dict)


def cut_one(order: Order) -> Outcome:
    """Cut out one photo and write its files; whatever goes wrong stands in the row."""
    start = time.perf_counter()
    try:
        return _cut(order, start)
    except ToprungError as error:
        reason = str(error)
    except MemoryError:
        reason = f"cutting out {order.photo} needs more memory than there is; use fewer --jobs, or make it smaller."
    except Exception as error:  # one photo must not end the job
        reason = f"cutting out {order.photo} broke off ({type(error).__name__}: {error}); please report this."
    _note(order, reason, ())
    return Outcome(order.failed(reason, time.perf_counter() - start))


def _cut(order: Order, start: float) -> Outcome:
    if order.problem:
        raise ToprungError(order.problem)
    inputs = {absolute(path): print_of(path) for path in order.inputs if path.is_file()}
    keywords = dict(order.settings) | ({"trimap": order.trimap} if order.trimap is not None else {})
    cut = order.cutter(order.photo, order.plate, order.second, order.second_plate, **keywords)
    if order.choice is not None:
        cut = decided(cut, order.choice)
    own = {order.out / name for name in order.style.names(order.stem)}  # the job has claimed them
    stem = order.out / order.stem
    written = write_cutout(stem, cut.photo, cut.alpha, cut.foreground, order.style, replaceable=own)
    files = {path.relative_to(order.out).as_posix(): stamp_of(path) for path in written.files}
    verdict = cut.verdict
    row = Row(
        str(order.photo),
        str(order.plate or ""),
        verdict.status,
        float(verdict.expected_error),
        (float(verdict.interval[0]), float(verdict.interval[1])),
        tuple(verdict.reasons),
        next(iter(files)),
        time.perf_counter() - start,
    )
    _note(order, cut, tuple(files))
    return Outcome(row, inputs, files)


def _note(order: Order, what: Any, files: tuple[str, ...]) -> None:
    if order.noter is not None:
        order.noter(order.out, order.stem, what, files)
