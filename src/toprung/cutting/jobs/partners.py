"""Which plate, second photo or trimap belongs to a photo: one file for all, or the one of its name in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from toprung.cutting.jobs.photos import Found
from toprung.errors import CutoutError
from toprung.images.files import PICTURE_EXTENSIONS

Partner = Callable[[Found], Path]
"""Returns a photo's partner.

Raises:
    CutoutError: the photo has none, or several.
"""


def partners(path: Path, what: str) -> Partner:
    """Return what finds the partner of each photo.

    Args:
        path: a file for all photos; or a folder, in which the partner has the photo's name without extension, and
            below the photo's subfolder if there is such a one.
        what: "plate", "second photo" or "trimap", for messages.

    Raises:
        CutoutError: ``path`` does not exist.
    """
    if path.is_dir():
        return _in_folder(path, what)
    if not path.exists():
        raise CutoutError(f"the {what} {path} does not exist; give a picture, or a folder of them.")

    def same(photo: Found) -> Path:
        return _another(photo, path, what)

    return same


def _in_folder(folder: Path, what: str) -> Partner:
    names: dict[tuple[Path, str], list[Path]] = {}

    def look(place: Path, stem: str) -> list[Path]:
        if (place, "") not in names:
            names[place, ""] = []
            for file in sorted(place.iterdir()) if place.is_dir() else ():
                if file.suffix.lower() in PICTURE_EXTENSIONS and not file.name.startswith("."):
                    names.setdefault((place, file.stem), []).append(file)
        return names.get((place, stem), [])

    def of_same_name(photo: Found) -> Path:
        stem = photo.relative.stem
        matches = look(folder / photo.relative.parent, stem) or look(folder, stem)
        if not matches:
            raise CutoutError(
                f"there is no {what} for {photo.path} in {folder}; add {stem}.png, or leave the photo out."
            )
        alike = [path for path in matches if path.suffix.lower() == photo.path.suffix.lower()]
        if len(matches) > 1 and len(alike) != 1:
            listed = ", ".join(path.name for path in matches)
            raise CutoutError(f"{photo.path} has several {what}s in {matches[0].parent}: {listed}; keep one.")
        return _another(photo, (alike or matches)[0], what)

    return of_same_name


def _another(photo: Found, partner: Path, what: str) -> Path:
    if photo.path.exists() and partner.samefile(photo.path):
        raise CutoutError(f"the {what} of {photo.path} is that photo itself; give another picture.")
    return partner
