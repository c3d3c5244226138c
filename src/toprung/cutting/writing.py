"""Writing a cutout: a picture with transparency, trimmed when asked, and the object on plain colours."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.output.colours import bleed, laid_on, own_samples, quantised
from toprung.cutting.output.formats import FORMATS, Format, find_format
from toprung.cutting.output.paint import Paint
from toprung.cutting.scene import RGB, Alpha, Photo
from toprung.errors import CutoutError
from toprung.storage import replacing

Box = tuple[int, int, int, int]

_SEEN = 0.02  # the least alpha that counts when trimming


@dataclass(frozen=True)
class Style:
    """How cutouts are written.

    Attributes:
        format: "png", "png16", "webp", "tiff", or "auto": png16 for photos with 16 bits, png for others.
        margin: pixels of transparency kept around the object, beyond the photo's border too; None keeps the frame.
        paints: colours to lay the object on, a file each.
    """

    format: str = "auto"
    margin: int | None = None
    paints: tuple[Paint, ...] = ()

    def names(self, stem: str) -> tuple[str, ...]:
        """Return the names of all files that a photo may give in this style; the first ones are the cutout's."""
        extensions = sorted({FORMATS[name].extension for name in _possible(self.format)})
        return tuple(f"{stem}{e}" for e in extensions) + tuple(
            f"{stem}.on-{paint.name}{e}" for paint in self.paints for e in extensions
        )


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        cutout: the picture with transparency.
        composites: the object on each colour, in order.
        box: x, y, width, height in pixels of the photo that the files show; x and y may be negative with a margin.
    """

    cutout: Path
    composites: tuple[Path, ...]
    box: Box

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        return (self.cutout, *self.composites)


def write_cutout(
    stem: Path, photo: Photo, alpha: Alpha, foreground: RGB, style: Style, *, replaceable: Collection[Path] = ()
) -> Written:
    """Write a cutout and its composites, each in one step under its final name.

    The cutout has straight alpha, the photo's own colour space, profile and resolution, and no other data of the file
    (EXIF). Composites are sRGB.

    Args:
        stem: path without extension; ``stem.on-white.png`` and so on for composites. Folders are made.
        photo: the photo, which tells space, profile, resolution and depth.
        alpha: ``(H, W)`` float32 in [0, 1].
        foreground: ``(H, W, 3)`` float32 sRGB in [0, 1].
        style: format, margin, colours.
        replaceable: files that may be written over; any other existing file is refused.

    Raises:
        CutoutError: a file is in the way, or the format does not hold the picture.
        StorageError: full disk, or no permission.
    """
    form = format_for(style.format, photo)
    extension = form.extension
    paths = [stem.with_name(stem.name + extension)]
    paths += [stem.with_name(f"{stem.name}.on-{paint.name}{extension}") for paint in style.paints]
    for path in paths:
        refuse_existing(path, photo, replaceable)
    levels = quantised(alpha, form.bits)
    box = (0, 0, levels.shape[1], levels.shape[0]) if style.margin is None else trimmed(levels, style.margin)
    write_rgba(paths[0], photo, levels, foreground, box, form)
    x, y, width, height = box
    inside, place = np.s_[max(y, 0) : y + height, max(x, 0) : x + width], _place(box, levels.shape)
    for path, paint in zip(paths[1:], style.paints, strict=True):
        ground = quantised(np.array(paint.rgb, np.float32) / 255, form.bits)
        picture = np.full((height, width, 3), ground, levels.dtype)
        picture[place] = laid_on(foreground[inside], alpha[inside], paint.rgb, form.bits)
        with replacing(path) as temporary:
            form.write(temporary, picture, None, photo.dpi)
    return Written(paths[0], tuple(paths[1:]), box)


def write_rgba(path: Path, photo: Photo, levels: NDArray, foreground: RGB, box: Box, form: Format) -> None:
    """Write the picture with transparency, over whatever stands at ``path``.

    Args:
        path: of the file.
        photo: as in :func:`write_cutout`.
        levels: ``(H, W)`` alpha in the format's samples.
        foreground: ``(H, W, 3)`` float32 sRGB in [0, 1].
        box: x, y, width, height of what is written.
        form: the format.

    Raises:
        CutoutError: the format does not hold the picture.
        StorageError: full disk, or no permission.
    """
    x, y, width, height = box
    inside, place = np.s_[max(y, 0) : y + height, max(x, 0) : x + width], _place(box, levels.shape)
    shown = replace(photo, rgb=photo.rgb[inside], samples=None if photo.samples is None else photo.samples[inside])
    colours = np.zeros((height, width, 3), levels.dtype)
    colours[place] = own_samples(shown, foreground[inside], form.bits)
    alpha = np.zeros((height, width), levels.dtype)
    alpha[place] = levels[inside]
    bleed(colours, alpha)
    with replacing(path) as temporary:
        form.write(temporary, np.dstack([colours, alpha]), photo.icc, photo.dpi)


def format_for(name: str, photo: Photo) -> Format:
    """Return the format of a photo's cutout; "auto" keeps the photo's depth.

    Raises:
        CutoutError: there is none of this name.
    """
    return find_format(("png16" if photo.bits == 16 else "png") if name == "auto" else name)


def trimmed(levels: NDArray, margin: int) -> Box:
    """Return x, y, width, height of what can be seen, with ``margin`` pixels around it.

    Pixels of less than 2 % do not count: one of them, far away and visible to nobody, would hold the whole frame. A
    picture that shows nothing keeps its frame.
    """
    seen = levels >= _SEEN * np.iinfo(levels.dtype).max
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not len(rows):
        return 0, 0, levels.shape[1], levels.shape[0]
    x, y = int(columns[0]) - margin, int(rows[0]) - margin
    return x, y, int(columns[-1]) + margin + 1 - x, int(rows[-1]) + margin + 1 - y


def refuse_existing(path: Path, photo: Photo, replaceable: Collection[Path]) -> None:
    """Refuse to write over the photo itself, or over a file that is not named as replaceable.

    Raises:
        CutoutError: with the remedy.
    """
    if not path.exists():
        return
    if photo.path is not None and photo.path.exists() and path.samefile(photo.path):
        raise CutoutError(f"{path} is the photo itself and is not written over; choose another folder with --out.")
    if path not in replaceable:
        raise CutoutError(
            f"{path} exists already and was not written by this job; move it, or choose another folder with --out."
        )


def _possible(name: str) -> Sequence[str]:
    find_format("png" if name == "auto" else name)
    return ("png", "png16") if name == "auto" else (name,)


def _place(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return where in the written picture the photo's pixels lie."""
    x, y, width, height = box
    return np.s_[
        max(-y, 0) : min(y + height, shape[0]) - y,
        max(-x, 0) : min(x + width, shape[1]) - x,
    ]
