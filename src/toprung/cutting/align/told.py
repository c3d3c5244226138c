"""Align two files and tell what was found, for the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toprung.cutting.align.align import align_rgb, check_method
from toprung.cutting.align.points import read_points
from toprung.cutting.align.writing import alignment_json, write_alignment
from toprung.cutting.photo import open_photo


@dataclass(frozen=True)
class Told:
    """What aligning two files found.

    Attributes:
        ok: whether the transform can be used.
        content: as in ``alignment.json``.
        written: files written.
    """

    ok: bool
    content: dict[str, Any]
    written: tuple[Path, ...]

    def lines(self) -> list[str]:
        """Return what to print."""
        found = self.content
        plate, photo = Path(found["plate"]["file"]).name, Path(found["photo"]["file"]).name
        if not self.ok:
            head = [f"not aligned: {plate} to {photo}: {found['reason']}"]
        else:
            head = [
                f"aligned {plate} to {photo}: {found['model']} by {found['method']}, {expected(found)}",
                f"overlap {found['overlap']:.0%}, residual {255 * found['residual_rms']:.1f} of 255 (root mean square, "
                "the object included)",
                *("  ".join(f"{value:12.6f}" for value in row) for row in found["matrix"]),
            ]
        return head + [f"wrote {path}" for path in self.written]


def expected(found: dict[str, Any]) -> str:
    """Return the expected error as a phrase."""
    error = found["expected_error_px"]
    return "expected error unknown" if error is None else f"expected error {error:.2f} px at the corners"


def align_files(plate: Path, photo: Path, method: str, points: Path | None, out: Path | None) -> Told:
    """Align a plate to a photo, by point pairs when there are some, and write the result when asked to.

    Args:
        plate: file of the plate.
        photo: file of the photo.
        method: as of :func:`toprung.cutting.align.align.align`.
        points: CSV file of pairs, None without.
        out: folder to write to, None to write nothing.

    Raises:
        UnreadableImage: a file is not a picture.
        CutoutError: no such method, or the point pairs cannot be used.
        StorageError: ``out`` cannot be written.
    """
    check_method(method)
    pairs = read_points(points) if points is not None else None  # the cheap mistakes are told first
    plate_rgb, photo_rgb = open_photo(plate).rgb, open_photo(photo).rgb
    alignment = align_rgb(plate_rgb, photo_rgb, method, pairs)
    content = alignment_json(alignment, plate, photo, plate_rgb.shape, photo_rgb.shape)
    written = write_alignment(out, alignment, photo_rgb, content) if out is not None else []
    return Told(alignment.ok, content, tuple(written))
