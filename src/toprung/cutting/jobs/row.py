"""A photo's line in ``cutouts.csv``."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Self

COLUMNS = (
    "photo",
    "plate",
    "status",
    "expected_error",
    "interval_low",
    "interval_high",
    "reasons",
    "file",
    "seconds",
)


@dataclass(frozen=True)
class Row:
    """How a photo came out.

    Attributes:
        photo: its path as given.
        plate: the path of its plate, "" without one.
        status: "good", "check" or "failed" as the judge says, or "error" when there is no cutout.
        expected_error: mean absolute error of alpha that the judge expects, None for errors, as the interval.
        interval: its 90 % interval.
        reasons: the judge's sentences, or why there is no cutout.
        file: the cutout relative to the output folder, "" for errors.
        seconds: what it took.
    """

    photo: str
    plate: str
    status: str
    expected_error: float | None = None
    interval: tuple[float | None, float | None] = (None, None)
    reasons: tuple[str, ...] = ()
    file: str = ""
    seconds: float = 0.0

    def cells(self) -> list[str]:
        """Return the cells by COLUMNS."""
        numbers = [_number(value) for value in (self.expected_error, *self.interval)]
        reasons = " ".join(self.reasons)
        return [self.photo, self.plate, self.status, *numbers, reasons, self.file, f"{self.seconds:.2f}"]

    def to_json(self) -> dict[str, Any]:
        """Return plain values; a number that is not finite becomes None."""
        values = asdict(self)
        values["expected_error"] = _finite(self.expected_error)
        values["interval"] = [_finite(value) for value in self.interval]
        values["reasons"] = list(self.reasons)
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read :meth:`to_json`'s values."""
        low, high = values["interval"]
        return cls(**(values | {"interval": (low, high), "reasons": tuple(values["reasons"])}))


def csv_of(rows: Iterable[Row]) -> bytes:
    """Return the CSV: a header and a line per photo, UTF-8; names that are no UTF-8 keep their bytes."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row.cells() for row in rows)
    return buffer.getvalue().encode("utf-8", "surrogateescape")


def _number(value: float | None) -> str:
    finite = _finite(value)
    return "" if finite is None else f"{finite:.6f}"


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
