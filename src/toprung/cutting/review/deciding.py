"""Take a person's decisions: save each, have its entry solved anew, keep the page true."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.review import choices as choosing
from toprung.cutting.review.choices import Choice, parse_choice, write_choices
from toprung.cutting.review.page import render, saved_choices, write_page
from toprung.cutting.review.records import Record, read_record, read_records, record_file, worst_first
from toprung.cutting.review.strokes import paint
from toprung.errors import CutoutError

_MOST_PIXELS = 400_000_000  # of a photo whose strokes are painted


class Deciding:
    """The decisions on one output folder.

    Args:
        folder: that ``toprung cutout --out`` wrote.
        resolve: see :data:`toprung.cutting.review.serve.Resolve`.

    Raises:
        CutoutError: the folder has no review, or its choices are damaged.
    """

    def __init__(
        self, folder: Path, resolve: Callable[[str, NDArray[np.bool_], NDArray[np.bool_], str | None], None]
    ) -> None:
        self.folder, self.file = Path(folder), Path(folder) / choosing.FILE
        self._resolve = resolve
        self._records = {record["name"]: record for record in read_records(self.folder)}
        if not self._records:
            raise CutoutError(f"{folder} holds no review: write one with toprung cutout PHOTOS --out {folder}.")
        self._choices = saved_choices(self.folder)
        self._solving, self._state = threading.Lock(), threading.Lock()

    def page(self) -> str:
        """Return the page as it stands."""
        with self._state:
            return render(self.folder.name, worst_first(self._records.values()), self._choices)

    def to_json(self) -> dict[str, Any]:
        """Return all choices as in ``choices.json``."""
        with self._state:
            return {name: choice.to_json() for name, choice in self._choices.items()}

    def decide(self, decision: object) -> Record:
        """Save one decision and solve its entry anew.

        Args:
            decision: JSON value: name, picked, size, strokes.

        Returns:
            The entry's new record.

        Raises:
            CutoutError: the decision fits no entry, or solving failed; it is saved all the same in that case.
            StorageError: it could not be saved.
        """
        name = decision.get("name") if isinstance(decision, dict) else None
        if not isinstance(name, str) or name not in self._records:
            raise CutoutError(f"there is no photo {name!r} in this review: load the page again.")
        choice = parse_choice(decision, repr(name))
        with self._solving:  # one at a time: solving takes memory, and files are written
            self._check(choice, self._records[name], name)
            self._save(name, choice)
            certain_object, certain_background = paint(choice.strokes, choice.size)
            self._resolve(name, certain_object, certain_background, choice.picked)
            record = read_record(record_file(self.folder, name))
            if record is None:
                raise CutoutError(f"re-solving {name!r} left no record: run toprung cutout on it again.")
            with self._state:
                self._records[name] = record
                write_page(self.folder, worst_first(self._records.values()), self._choices)
        return record

    def _check(self, choice: Choice, record: Record, name: str) -> None:
        size = record["size"]
        if size is None:
            raise CutoutError(f"{name!r} has no cutout to change: {'; '.join(record['reasons'])}")
        if list(choice.size) != size or size[0] * size[1] > _MOST_PIXELS:
            raise CutoutError(f"{name!r} has {size} pixels, not {list(choice.size)}: load the page again.")
        known = [candidate["name"] for candidate in record["candidates"]]
        if choice.picked is not None and choice.picked not in known:
            raise CutoutError(f"{name!r} has no candidate {choice.picked!r}: pick one of {', '.join(known)}.")

    def _save(self, name: str, choice: Choice) -> None:
        with self._state:
            changed = {**self._choices, name: choice}
            if choice.picked is None and not choice.strokes:
                del changed[name]
            write_choices(self.file, changed)
            self._choices = changed
