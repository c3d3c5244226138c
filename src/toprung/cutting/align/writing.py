"""Write an alignment: the transform as JSON, and pictures of it. What stands there already is never replaced."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.align.alignment import Alignment
from toprung.cutting.scene import RGB
from toprung.storage import write_bytes, write_json
from toprung.version import __version__

_RESIDUAL_WHITE = 0.25  # difference in sRGB units of [0, 1] that is drawn white
_STOPS = np.array([[13, 17, 30], [86, 32, 107], [203, 62, 77], [250, 164, 54], [255, 250, 220]], np.float64)


def alignment_json(
    alignment: Alignment, plate: Path, photo: Path, plate_shape: tuple[int, ...], photo_shape: tuple[int, ...]
) -> dict[str, Any]:
    """Return an alignment as plain data, with null where a number is infinite or unknown.

    Args:
        alignment: of the two.
        plate: file of the plate.
        photo: file of the photo.
        plate_shape: height and width of the plate, and whatever follows.
        photo_shape: those of the photo.
    """
    rms = (
        float(np.sqrt(np.square(alignment.residual[alignment.valid], dtype=np.float64).mean()))
        if alignment.ok
        else None
    )
    return {
        "format": 1,
        "toprung": __version__,
        "status": alignment.status,
        "reason": alignment.reason,
        "matrix": alignment.matrix.tolist(),
        "maps": "plate pixel to photo pixel, x right, y down, pixel centres at integers",
        "model": alignment.model,
        "method": alignment.method,
        "expected_error_px": _finite(alignment.expected_error_px),
        "inliers": alignment.inliers,
        "overlap": round(alignment.overlap, 4),
        "gain": alignment.gain.tolist(),
        "offset": alignment.offset.tolist(),
        "residual_rms": rms,
        "plate": {"file": str(plate), "width": plate_shape[1], "height": plate_shape[0]},
        "photo": {"file": str(photo), "width": photo_shape[1], "height": photo_shape[0]},
    }


def write_alignment(folder: Path, alignment: Alignment, photo: RGB, told: Mapping[str, Any]) -> list[Path]:
    """Write ``alignment.json``, and of an alignment that holds ``aligned.png``, ``residual.png`` and ``blend.png``.

    Args:
        folder: made when it is not there.
        alignment: what to write.
        photo: ``(H, W, 3)`` float32 sRGB.
        told: what :func:`alignment_json` returned.

    Returns:
        The files written. Where one of them is there already, all get the next free number: ``aligned-2.png``.

    Raises:
        StorageError: the folder cannot be written.
    """
    pictures: dict[str, NDArray[np.uint8]] = {}
    if alignment.aligned is not None:
        pictures["aligned.png"] = _bytes_of(alignment.aligned)
        pictures["residual.png"] = residual_picture(alignment.residual)
        pictures["blend.png"] = _bytes_of(np.float32(0.5) * (photo + alignment.aligned))
    paths = free_paths(folder, ["alignment.json", *pictures])
    write_json(paths["alignment.json"], told)
    for name, picture in pictures.items():
        write_bytes(paths[name], png(picture))
    return list(paths.values())


def free_paths(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """Return a path for each name, none of which is there: with the least number that is free for all of them."""
    names, number = list(names), 1
    while True:
        paths = {name: folder / _numbered(name, number) for name in names}
        if not any(path.exists() or path.is_symlink() for path in paths.values()):
            return paths
        number += 1


def residual_picture(residual: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return ``(H, W, 3)`` colours of a residual: dark where the pictures agree, to white at a quarter of the range."""
    place = np.clip(residual / _RESIDUAL_WHITE, 0, 1) ** 0.5 * (len(_STOPS) - 1)
    knots = np.arange(len(_STOPS))
    return np.stack([np.interp(place, knots, _STOPS[:, channel]) for channel in range(3)], axis=-1).astype(np.uint8)


def png(picture: NDArray[np.uint8]) -> bytes:
    """Return ``(H, W, 3)`` 8-bit sRGB as the content of a PNG file."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG", compress_level=3)
    return content.getvalue()


def _numbered(name: str, number: int) -> str:
    path = Path(name)
    return name if number == 1 else f"{path.stem}-{number}{path.suffix}"


def _bytes_of(rgb: RGB) -> NDArray[np.uint8]:
    return np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
