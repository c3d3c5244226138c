"""What the page of ``toprung align --web`` asks for: the pictures, fits of the pairs clicked so far, saving."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from toprung.cutting.align.align import align, place
from toprung.cutting.align.alignment import Alignment
from toprung.cutting.align.by_points import align_by_points
from toprung.cutting.align.page.pictures import Shown, between
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
        pairs = read_points(points) if points is not None else None
        plate_rgb, photo_rgb = open_photo(plate).rgb, open_photo(photo).rgb
        self.pairs = pairs.inside(plate_rgb.shape, photo_rgb.shape) if pairs is not None else None
        self.files = (plate, photo)
        self.out = out
        automatic = align(plate_rgb, photo_rgb, method=method)
        self.reason = automatic.reason
        self.automatic = _light(automatic) if automatic.ok else None
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
            else self._transform(automatic.matrix, automatic.model)
            | {"expected": _finite(automatic.expected_error_px), "method": automatic.method},
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
        fit = fit_points(self._pairs(rows), self.plate.full.shape, self.photo.full.shape)
        told: dict[str, Any] = {
            "errors": fit.errors.tolist(),
            "agreeing": fit.agreeing.tolist(),
            "expected": _finite(fit.expected_error_px),
            "noise": fit.noise_px,
            "problem": fit.problem,
        }
        return told if fit.problem else told | self._transform(fit.matrix, fit.model)

    def save(self, rows: Any) -> dict[str, Any]:
        """Write ``points.csv`` and ``alignment.json`` of the pairs; with no pair, the automatic alignment alone.

        Args:
            rows: as of :meth:`fit`, or an empty list.

        Raises:
            CutoutError: the pairs do not support a transform, or there is none to save.
            StorageError: the folder cannot be written.
        """
        plate, photo = (shown.full.astype(np.float32) / np.float32(255) for shown in (self.plate, self.photo))
        names = ["alignment.json"]
        if rows:
            pairs = self._pairs(rows)
            alignment = align_by_points(plate, photo, pairs)
            names.append("points.csv")
        elif self.automatic is not None:
            found = self.automatic
            alignment = place(
                plate,
                photo,
                Found(
                    matrix=found.matrix,
                    model=found.model,
                    method=found.method,
                    expected_error=found.expected_error_px,
                    used=found.inliers,
                    contrast=0.0,
                    reason="",
                ),
            )
        else:
            raise CutoutError("there is nothing to save yet: click a pair of points.")
        if not alignment.ok:
            raise CutoutError(f"not saved: {alignment.reason}")
        paths = free_paths(self.out, names)
        if rows:
            write_text(paths["points.csv"], points_text(pairs))
        write_json(paths["alignment.json"], alignment_json(alignment, *self.files, plate.shape))
        return {"written": [str(path) for path in paths.values()], "expected": _finite(alignment.expected_error_px)}

    def _pairs(self, rows: Any) -> PointPairs:
        try:
            values = np.array(rows, np.float64).reshape(-1, 4)
        except (TypeError, ValueError):
            raise CutoutError("the pairs are no rows of four numbers.") from None
        pairs = PointPairs(values[:, :2].round(2), values[:, 2:].round(2))  # as they are written, so as they are read
        return pairs.inside(self.plate.full.shape, self.photo.full.shape)

    def _transform(self, matrix: np.ndarray, model: str) -> dict[str, Any]:
        plate, photo, small = between(matrix, self.plate, self.photo, _EXPOSURE_SIDE)
        laid = place(plate, photo, Found(small, model, "page", 0.0, 0, 0.0, ""))
        return {
            "matrix": matrix.tolist(),
            "model": model,
            "gain": laid.gain.tolist(),
            "offset": laid.offset.tolist(),
            "overlap": laid.overlap,
        }

    @staticmethod
    def _told(shown: Shown, file: Path) -> dict[str, Any]:
        height, width = shown.full.shape[:2]
        return {"name": file.name, "width": width, "height": height, "reduced": shown.preview.shape[1] < width}


def _light(alignment: Alignment) -> Alignment:
    """Return an alignment without its pictures, which a page of hours need not hold."""
    return replace(alignment, aligned=None, residual=np.zeros((0, 0), np.float32), valid=np.zeros((0, 0), bool))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
