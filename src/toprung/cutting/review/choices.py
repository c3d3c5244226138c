"""``choices.json``: which candidate a person picked for each photo, and the strokes of the brush.

    {"format": 1,
     "choices": {
       "<name of the photo>": {
         "picked": "<name of a candidate>" | null,          null: the automatic choice
         "size": [width, height],                           of the photo, which the strokes are made for
         "strokes": [{"kind": "object" | "background",      in the order they were made, later over earlier
                      "radius": 12.5,                       in pixels of the photo
                      "points": [[x, y], ...]}]}}}          in pixels of the photo, pixel centres at whole numbers

A photo that is not named keeps its automatic cutout.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from toprung.cutting.review.strokes import KINDS, Stroke
from toprung.errors import CutoutError
from toprung.storage import write_json

FORMAT = 1
FILE = "choices.json"
MOST_BYTES = 256 * 1024 * 1024
MOST_STROKES, MOST_POINTS = 2000, 200_000  # per photo
_MOST_PIXELS = 100_000  # a side


@dataclass(frozen=True)
class Choice:
    """What a person decided about one photo.

    Attributes:
        picked: name of a candidate, None for the automatic choice.
        size: width and height of the photo in pixels.
        strokes: in the order in which they were made.
    """

    picked: str | None
    size: tuple[int, int]
    strokes: tuple[Stroke, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON value of one photo."""
        strokes = [{"kind": s.kind, "radius": s.radius, "points": [list(p) for p in s.points]} for s in self.strokes]
        return {"picked": self.picked, "size": list(self.size), "strokes": strokes}


def read_choices(path: Path) -> dict[str, Choice]:
    """Read ``choices.json``, as the page's server or its download button wrote it.

    Args:
        path: the file.

    Returns:
        Choice by the name of the photo.

    Raises:
        CutoutError: missing, no JSON, another format, or a value outside its rule; the message says where.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CutoutError(f"{path} is larger than {MOST_BYTES >> 20} MB: give a choices.json of the review page.")
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CutoutError(f"there is no {path}: save the choices on the review page first.") from None
    except OSError as error:
        raise CutoutError(f"cannot read {path}: {error.strerror or error}; give a readable choices.json.") from None
    except (ValueError, RecursionError) as error:
        raise CutoutError(f"{path} is no JSON ({error}): save the choices on the review page again.") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else type(document).__name__
        raise CutoutError(f"{path} has format {found!r}, not {FORMAT}: save the choices with this review page.")
    choices = document.get("choices")
    if not isinstance(choices, dict):
        raise CutoutError(f"{path} holds no table 'choices': save the choices on the review page again.")
    return {name: parse_choice(value, f"{path}, {name!r}") for name, value in choices.items()}


def write_choices(path: Path, choices: Mapping[str, Choice]) -> None:
    """Write ``choices.json`` in one step.

    Raises:
        StorageError: the disk is full or the place is not writable.
    """
    write_json(path, {"format": FORMAT, "choices": {name: choice.to_json() for name, choice in choices.items()}})


def parse_choice(value: object, where: str) -> Choice:
    """Check the JSON value of one photo.

    Args:
        value: as read.
        where: what messages call it.

    Raises:
        CutoutError: a value outside its rule.
    """
    if not isinstance(value, dict):
        raise CutoutError(f"{where}: {_short(value)} is no table with picked, size and strokes.")
    picked = value.get("picked")
    if picked is not None and not isinstance(picked, str):
        raise CutoutError(f"{where}: picked is {_short(picked)}: give the name of a candidate or null.")
    size = value.get("size")
    if not (_pair(size) and all(isinstance(n, int) and 1 <= n <= _MOST_PIXELS for n in size)):
        raise CutoutError(f"{where}: size is {_short(size)}: give the photo's [width, height] in pixels.")
    strokes = value.get("strokes", [])
    if not isinstance(strokes, list) or len(strokes) > MOST_STROKES:
        raise CutoutError(f"{where}: strokes is no list of at most {MOST_STROKES} strokes.")
    parsed = tuple(_stroke(one, f"{where}, stroke {index}") for index, one in enumerate(strokes, start=1))
    if sum(len(stroke.points) for stroke in parsed) > MOST_POINTS:
        raise CutoutError(f"{where}: the strokes have more than {MOST_POINTS} points: clear some.")
    return Choice(picked, (size[0], size[1]), parsed)


def _stroke(value: object, where: str) -> Stroke:
    if not isinstance(value, dict) or value.get("kind") not in KINDS:
        raise CutoutError(f"{where}: {_short(value)} is no table whose kind is {' or '.join(KINDS)}.")
    radius, points = value.get("radius"), value.get("points")
    if not _finite(radius) or not 0 < radius <= _MOST_PIXELS:
        raise CutoutError(f"{where}: radius is {_short(radius)}: give pixels of the photo, above 0.")
    if not isinstance(points, list) or not points:
        raise CutoutError(f"{where}: points is {_short(points)}: give at least one [x, y].")
    for point in points:
        if not _pair(point) or not all(_finite(n) and abs(n) <= 2 * _MOST_PIXELS for n in point):
            raise CutoutError(f"{where}: {_short(point)} is no [x, y] in pixels of the photo.")
    return Stroke(value["kind"], float(radius), tuple((float(x), float(y)) for x, y in points))


def _pair(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list) and len(value) == 2


def _finite(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
