"""Saving one cutout where a program says."""

from __future__ import annotations

from pathlib import Path

from toprung.cutting.output.colours import quantised
from toprung.cutting.result import Cutout
from toprung.cutting.writing import format_for, write_rgba
from toprung.errors import CutoutError

_FORMATS = {".png": "auto", ".webp": "webp", ".tif": "tiff", ".tiff": "tiff"}


def save_cutout(cut: Cutout, path: Path) -> Path:
    """Write a cutout as a picture with straight alpha, in one step; an existing file is replaced, but not the photo.

    Args:
        cut: the cutout.
        path: the ending decides: .png (16 bits for photos with 16 bits), .webp (lossless), .tif or .tiff (16 bits).

    Returns:
        The path.

    Raises:
        CutoutError: another ending, the photo itself, or a picture that the format does not hold.
        StorageError: full disk, or no permission.
    """
    if path.suffix.lower() not in _FORMATS:
        raise CutoutError(f"cannot save {path.name}: its ending must be one of {', '.join(_FORMATS)}.")
    photo = cut.photo
    if photo.path is not None and path.exists() and photo.path.exists() and path.samefile(photo.path):
        raise CutoutError(f"{path} is the photo itself and is not written over; choose another name.")
    form = format_for(_FORMATS[path.suffix.lower()], photo)
    height, width = cut.alpha.shape
    write_rgba(path, photo, quantised(cut.alpha, form.bits), cut.foreground, (0, 0, width, height), form)
    return path
