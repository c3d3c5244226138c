"""What the page of ``toprung align --web`` asks for: the pictures, fits of the pairs clicked so far, saving."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from toprung.cutting.align.align import check_method, find_motion, place
from toprung.cutting.align.alignment import Alignment
from toprung.cutting.align.by_points import as_found, find_by_points
from toprung.cutting.align.page.pictures import PREVIEW_SIDE, Shown, between
from toprung.cutting.align.point_fit import fit_points
from toprung.cutting.align.points import PointPairs, points_text, read_points
from toprung.cutting.align.search import Found
from toprung.cutting.align.writing import alignment_json, free_paths
from toprung.cutting.photo import open_photo
from toprung.errors import CutoutError
from toprung.storage import write_json, write_text

_EXPOSURE_SIDE = 320  # longest side in pixels of the pictures that the live exposure is estimated on


class Session:
    """One plate and one photo, and a folder to save to.

    Args:
        plate: file of the plate.
        photo: file of the photo.
        points: CSV file of pairs to start from, None without.
        method: of the automatic alignment to start from.
        out: folder that saving writes to; made when something is saved.

    Raises:
        UnreadableImage: a file is not a picture.
        CutoutError: the pairs cannot be used, or there is no such method.
    """

    def __init__(self, plate: Path, photo: Path, points: Path | None, method: str, out: Path) -> None:
        check_method(method)
        pairs = read_points(points) if points is not None else None
        plate_rgb, photo_rgb = open_photo(plate).rgb, open_photo(photo).rgb
        self.pairs = pairs.inside(plate_rgb.shape, photo_rgb.shape) if pairs is not None else None
        self.files = (plate, photo)
        self.out = out
        found = find_motion(plate_rgb, photo_rgb, method)
        self.reason = found.reason
        self.automatic = None if found.reason else found
        self.plate, self.photo = Shown.of(plate_rgb), Shown.of(photo_rgb)

    def start(self) -> dict[str, Any]:
        """Return what the page begins with."""
        automatic = self.automatic
        return {
            "plate": self._told(self.plate, self.files[0]),
            "photo": self._told(self.photo, self.files[1]),
            "pairs": [] if self.pairs is None else np.hstack([self.pairs.plate, self.pairs.photo]).tolist(),
            "automatic": None
            if automatic is None
            else self._transform(automatic)
            | {"expected": _finite(automatic.expected_error), "method": automatic.method},
            "reason": self.reason,
            "out": str(self.out),
        }

    def fit(self, rows: Any) -> dict[str, Any]:
        """Return the transform that pairs support, each pair's error, and the expected error.

        Args:
            rows: list of ``[plate_x, plate_y, photo_x, photo_y]``.

        Raises:
            CutoutError: they are no pairs, or a point lies outside its picture.
        """
        pairs = self._pairs(rows)
        fit = fit_points(pairs, *self._shapes())
        told: dict[str, Any] = {
            "errors": fit.errors.tolist(),
            "agreeing": fit.agreeing.tolist(),
            "expected": _finite(fit.expected_error_px),
            "noise": fit.noise_px,
            "problem": fit.problem,
        }
        return told if fit.problem else told | self._transform(as_found(fit))

    def save(self, rows: Any) -> dict[str, Any]:
        """Write ``points.csv`` and ``alignment.json`` of the pairs; with no pair, the automatic alignment alone.

        Args:
            rows: as of :meth:`fit`, or an empty list.

        Raises:
            CutoutError: the pairs do not support a transform, or there is none to save.
            StorageError: the folder cannot be written.
        """
        pairs = self._pairs(rows) if rows else None
        found = self.automatic if pairs is None else find_by_points(pairs, *self._shapes())
        if found is None:
            raise CutoutError("there is nothing to save yet: click a pair of points.")
        if found.reason:
            raise CutoutError(f"not saved: {found.reason}")
        alignment = replace(self._laid(found, PREVIEW_SIDE), matrix=found.matrix)
        content = alignment_json(alignment, *self.files, *self._shapes())
        paths = free_paths(self.out, ["alignment.json"] if pairs is None else ["alignment.json", "points.csv"])
        if pairs is not None:
            write_text(paths["points.csv"], points_text(pairs))
        write_json(paths["alignment.json"], content)
        return {"written": [str(path) for path in paths.values()]}

    def _pairs(self, rows: Any) -> PointPairs:
        try:
            values = np.array(rows, np.float64).reshape(-1, 4)
        except (TypeError, ValueError):
            raise CutoutError("the pairs are no rows of four numbers.") from None
        pairs = PointPairs(values[:, :2].round(2), values[:, 2:].round(2))  # as they are written, so as they are read
        return pairs.inside(*self._shapes())

    def _shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return self.plate.full.shape, self.photo.full.shape

    def _laid(self, found: Found, side: int) -> Alignment:
        """Return the reduced plate laid over the reduced photo."""
        plate, photo, small = between(found.matrix, self.plate, self.photo, side)
        return place(plate, photo, replace(found, matrix=small))

    def _transform(self, found: Found) -> dict[str, Any]:
        laid = self._laid(found, _EXPOSURE_SIDE)
        return {
            "matrix": found.matrix.tolist(),
            "model": found.model,
            "gain": laid.gain.tolist(),
            "offset": laid.offset.tolist(),
            "overlap": laid.overlap,
        }

    @staticmethod
    def _told(shown: Shown, file: Path) -> dict[str, Any]:
        height, width = shown.full.shape[:2]
        return {"name": file.name, "width": width, "height": height, "reduced": shown.preview.shape[1] < width}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
