"""Saving one cutout under a name whose ending tells the format."""

from __future__ import annotations

from pathlib import Path

from toprung.cutting.result import Cutout
from toprung.cutting.writing import Style, write_cutout
from toprung.errors import CutoutError

_BY_ENDING = {".png": "auto", ".webp": "webp", ".tif": "tiff", ".tiff": "tiff"}


def save_cutout(cut: Cutout, path: Path) -> Path:
    """Write a cutout and return where; see :meth:`toprung.cutting.result.Cutout.save`."""
    if path.suffix.lower() not in _BY_ENDING:
        raise CutoutError(f"{path} does not tell a format with transparency: end it in {', '.join(_BY_ENDING)}.")
    style = Style(_BY_ENDING[path.suffix.lower()])
    return write_cutout(path.with_suffix(""), cut.photo, cut.alpha, cut.foreground, style).cutout
