"""The pictures beside the page: reduced, one folder per photo, so that thousands of photos stay usable."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toprung.cutting.review.entry import FailedEntry, ReviewEntry, identifier
from toprung.cutting.review.records import FORMAT, Record, read_record, record_file
from toprung.cutting.scene import RGB, Alpha, Candidate
from toprung.storage import replacing, write_json

SIDE = 1280  # pixels, the longer side of the photo and the chosen cutout
CANDIDATE_SIDE = 640
THUMB_SIDE = 144
_CHECKER = (0.80, 0.92)  # greys of the thumbnail's squares


def write_entry(folder: Path, entry: ReviewEntry | FailedEntry) -> Record:
    """Write an entry's pictures and its record into ``folder/review/<id>/``, over those of an earlier run.

    Each file is written to a temporary name and renamed, the record last: a page that is open meanwhile shows the old
    or the new. May run in several processes at once for different entries.

    Args:
        folder: the output folder, where ``review.html`` stands.
        entry: a judged cutout, or a photo that has none.

    Returns:
        The record, as in ``entry.json``.

    Raises:
        StorageError: the disk is full or the place is not writable.
    """
    file = record_file(folder, entry.name)
    before = read_record(file)
    revision = int(before["revision"]) + 1 if before else 0
    record: Record = {"format": FORMAT, "name": entry.name, "id": identifier(entry.name), "revision": revision}
    if isinstance(entry, FailedEntry):
        record |= {"status": "failed", "reasons": [entry.reason], "expected_error": None, "interval": None}
        record |= {"size": None, "place": None, "pictures": {}, "candidates": [], "chosen": None, "files": []}
    else:
        record |= _judgement(entry) | _write_pictures(file.parent, entry)
    write_json(file, record)
    return record


def _judgement(entry: ReviewEntry) -> dict[str, Any]:
    verdict = entry.verdict
    height, width = entry.alpha.shape
    return {
        "status": verdict.status,
        "expected_error": _number(verdict.expected_error),
        "interval": [_number(bound) for bound in verdict.interval],
        "reasons": list(verdict.reasons),
        "place": None if verdict.place is None else [int(value) for value in verdict.place],
        "measures": {name: _number(value) for name, value in verdict.measures.items()},
        "size": [width, height],
        "chosen": entry.chosen,
        "files": list(entry.files),
    }


def _write_pictures(place: Path, entry: ReviewEntry) -> dict[str, Any]:
    pictures = {"photo": "photo.webp", "cutout": "cutout.webp", "thumb": "thumb.webp"}
    photo, cutout = _reduced(entry.photo, SIDE), _reduced(_rgba(entry.foreground, entry.alpha), SIDE)
    _save(place / "photo.webp", photo, quality=82)
    _save(place / "cutout.webp", cutout, quality=82)
    _save(place / "thumb.webp", _on_checkerboard(_reduced(cutout, THUMB_SIDE)), quality=70)
    photo = _reduced(photo, CANDIDATE_SIDE)
    if entry.disagreement is not None:
        pictures["disagreement"] = "disagreement.webp"
        _save(place / "disagreement.webp", _heat(photo, entry.disagreement), quality=75)
    candidates = []
    for number, candidate in enumerate(entry.candidates, start=1):
        name = f"candidate-{number}.webp"
        _save(place / name, _candidate_picture(candidate, photo), quality=78)
        error = None if candidate.expected_error is None else _number(candidate.expected_error)
        candidates.append(
            {"name": candidate.name, "picture": name, "expected_error": error, "seconds": _number(candidate.seconds)}
        )
    return {"pictures": pictures, "candidates": candidates}


def _candidate_picture(candidate: Candidate, photo: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a candidate's reduced RGBA, in the reduced photo's colours if it brings none of its own."""
    if candidate.foreground is not None:
        return _reduced(_rgba(candidate.foreground, candidate.alpha), CANDIDATE_SIDE)
    return _rgba(photo, _reduced(candidate.alpha[..., None], CANDIDATE_SIDE)[..., 0])


def _number(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None  # JSON knows neither NaN nor infinity


def _rgba(colours: RGB, alpha: Alpha) -> NDArray[np.float32]:
    return np.dstack([colours, alpha]).astype(np.float32)


def _reduced(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return ``(h, w, 1, 3 or 4)`` of at most ``side`` pixels; RGBA's colours are averaged by alpha: no halo comes."""
    import cv2

    height, width = values.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return values
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if values.shape[2] != 4:
        small = np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)
        return small.reshape(*small.shape[:2], -1)  # OpenCV drops an axis of one
    alpha = values[..., 3:]
    weighted = np.concatenate([values[..., :3] * alpha, alpha], axis=2)
    small = np.asarray(cv2.resize(weighted, size, interpolation=cv2.INTER_AREA), np.float32)
    small[..., :3] /= np.maximum(small[..., 3:], 1e-6)
    return small


def _on_checkerboard(rgba: NDArray[np.float32]) -> NDArray[np.float32]:
    rows, columns = np.indices(rgba.shape[:2]) // 9
    ground = np.where((rows + columns) % 2 == 0, *_CHECKER)[..., None]
    alpha = rgba[..., 3:]
    return (rgba[..., :3] * alpha + ground * (1 - alpha)).astype(np.float32)


def _heat(photo: RGB, disagreement: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the reduced photo dark and grey, with disagreement as a glow from red to yellow to white."""
    grey = photo.mean(axis=2, keepdims=True) * 0.45
    heat = _reduced(np.clip(disagreement, 0, 1)[..., None].astype(np.float32), CANDIDATE_SIDE)
    glow = np.sqrt(heat)  # small differences are to be seen too
    colour = np.concatenate([np.clip(glow * 1.9, 0, 1), np.clip(glow * 1.7 - 0.5, 0, 1), glow**4], axis=2)
    return np.asarray(np.clip(grey * (1 - glow) + colour * glow, 0, 1), np.float32)


def _save(file: Path, values: NDArray[np.float32], *, quality: int) -> None:
    eight_bits = np.rint(np.clip(np.nan_to_num(values), 0, 1) * 255).astype(np.uint8)
    with replacing(file) as temporary:
        Image.fromarray(eight_bits).save(temporary, "WEBP", quality=quality, method=3)
