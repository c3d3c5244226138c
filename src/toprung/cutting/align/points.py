"""Point pairs that a person made: the same places on a plate and on a photo, as a CSV file."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toprung.errors import CutoutError

COLUMNS = ("plate_x", "plate_y", "photo_x", "photo_y")
"""The columns of the file: full-resolution pixels, x right, y down, the centre of the first pixel at (0, 0)."""

MOST_PAIRS = 500  # more than anyone clicks; the fit looks at all of them at once
_MOST_BYTES = 1_000_000
_DELIMITERS = (",", ";", "\t")  # a spreadsheet of many European countries writes semicolons


@dataclass(frozen=True)
class PointPairs:
    """The same places on both pictures.

    Attributes:
        plate: ``(N, 2)`` float64, x and y on the plate in pixels, pixel centres at integers.
        photo: ``(N, 2)`` float64, the same places on the photo.
        name: what messages call them.
    """

    plate: NDArray[np.float64]
    photo: NDArray[np.float64]
    name: str = "the point pairs"

    def __post_init__(self) -> None:
        for field, points in (("plate", self.plate), ("photo", self.photo)):
            if points.ndim != 2 or points.shape[1] != 2:
                raise CutoutError(f"{self.name}: the {field} points have the shape {points.shape}; give (N, 2).")
            if not np.isfinite(points).all():
                raise CutoutError(f"{self.name}: a {field} point is infinite or not a number; take it out.")
        if len(self.plate) != len(self.photo):
            raise CutoutError(
                f"{self.name}: {len(self.plate)} points on the plate and {len(self.photo)} on the photo; give pairs."
            )
        if not 1 <= len(self.plate) <= MOST_PAIRS:
            raise CutoutError(f"{self.name}: {len(self.plate)} pairs; give 1 to {MOST_PAIRS}.")

    def __len__(self) -> int:
        return len(self.plate)

    def inside(self, plate_shape: tuple[int, ...], photo_shape: tuple[int, ...]) -> PointPairs:
        """Return these pairs after a check that each point lies on its picture.

        Args:
            plate_shape: height and width of the plate, and whatever follows.
            photo_shape: those of the photo.

        Raises:
            CutoutError: a point lies more than half a pixel outside, as in pairs made on other pictures.
        """
        for field, points, shape in (("plate", self.plate, plate_shape), ("photo", self.photo, photo_shape)):
            height, width = shape[:2]
            outside = ((points < -0.5) | (points > np.array([width, height]) - 0.5)).any(axis=1)
            if outside.any():
                number = int(np.argmax(outside))
                x, y = points[number]
                raise CutoutError(
                    f"{self.name}: pair {number + 1} is at ({x:g}, {y:g}) on the {field}, which has {width} × {height} "
                    "pixels; were the pairs made on other pictures?"
                )
        return self


def read_points(path: Path) -> PointPairs:
    """Read point pairs from a CSV file with the columns of :data:`COLUMNS`, in any order; others are left alone.

    Values are separated by commas, semicolons or tabs, with a point as the decimal mark. Empty lines are skipped.

    Args:
        path: of the file, UTF-8, with or without a byte order mark.

    Raises:
        CutoutError: no such file, a column is missing, a value is no number, or there is no pair.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise CutoutError(f"cannot read the point pairs {path}: {error.strerror or error}.") from error
    if len(content) > _MOST_BYTES:
        raise CutoutError(f"{path} has more than {_MOST_BYTES // 1_000_000} MB; is it a CSV file of point pairs?")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise CutoutError(f"{path} is no text in UTF-8; save the point pairs as CSV.") from None
    rows = [row for row in _rows(lines, path) if any(cell.strip() for cell in row[1])]
    if not rows:
        raise CutoutError(f"{path} is empty; give a CSV file with the columns {', '.join(COLUMNS)}.")
    header = [cell.strip().lower() for cell in rows[0][1]]
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise CutoutError(
            f"{path} has no column {missing[0]} but {', '.join(header)[:80]}; its first line must name "
            f"{', '.join(COLUMNS)}."
        )
    places = [header.index(column) for column in COLUMNS]
    values = np.array([[_number(row, place, line, path) for place in places] for line, row in rows[1:]], np.float64)
    values = values.reshape(-1, 4)
    if not len(values):
        raise CutoutError(f"{path} has no pair under its first line; give at least one.")
    return PointPairs(values[:, :2].copy(), values[:, 2:].copy(), str(path))


def points_text(pairs: PointPairs) -> str:
    """Return the CSV text that :func:`read_points` reads, in hundredths of a pixel."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in np.hstack([pairs.plate, pairs.photo]):
        writer.writerow([f"{value:.2f}" for value in row])
    return text.getvalue()


def _rows(lines: list[str], path: Path) -> list[tuple[int, list[str]]]:
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        return [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise CutoutError(f"{path}, line {reader.line_num}: {error}; save the point pairs as CSV anew.") from error


def _number(row: list[str], place: int, line: int, path: Path) -> float:
    text = row[place].strip() if place < len(row) else ""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise CutoutError(f"{path}, line {line}: '{text[:40]}' is no number; give pixels such as 812.5.")
    return value
