"""Open a picture: whatever a user has opens the same way in training, validation, prediction and export."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from toprung.errors import UnreadableImage
from toprung.images.depth import array_to_eight_bits
from toprung.images.modes import colour_and_alpha, is_sixteen_bit_colour, sixteen_bit_colour
from toprung.images.profiles import to_srgb
from toprung.images.sniff import describe

Sample = TypeVar("Sample", np.uint8, np.uint16, np.float32)

# Pillow knows more, but some of it runs other programs (EPS), guesses without a signature (TGA) or is no
# picture (PDF, HDF5). A data set holds these.
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "AVIF", "JPEG2000")

_EXTENSIONS_OF_FORMAT = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    "AVIF": (".avif",),
    "JPEG2000": (".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc"),
}
PICTURE_EXTENSIONS = frozenset(e for extensions in _EXTENSIONS_OF_FORMAT.values() for e in extensions)
"""Extensions of pictures that can be read here, in small letters with the dot."""

_SAME_FAMILY = {"MPO": "JPEG", "DIB": "BMP"}  # a stereo JPEG is named .jpg, a headerless BMP .bmp
_TRANSPOSITIONS = {  # EXIF 2.32, tag 0x0112: how the stored picture must be turned to stand upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def open_rgb(
    source: Path | str | bytes | Image.Image | NDArray, *, background: tuple[int, int, int] = (255, 255, 255)
) -> NDArray[np.uint8]:
    """Open a picture of any kind as upright 8-bit sRGB.

    - The content decides what a file is, not its extension; of animations the first frame counts.
    - EXIF orientation is applied; broken EXIF data count as none.
    - Transparent pixels are laid on ``background``, in sRGB values as browsers do.
    - An embedded ICC profile is applied (:func:`toprung.images.profiles.to_srgb` says which are ignored).
      CMYK without a profile becomes ``(1 - ink) (1 - key)``; PNG's gAMA and cHRM are not applied.
    - 16-bit samples are scaled and rounded; 32-bit ones follow :func:`toprung.images.depth.from_wide_range`.
    - At most twice ``PIL.Image.MAX_IMAGE_PIXELS`` pixels are decoded, 179 million as Pillow comes.

    Args:
        source: a file, a file's content, a Pillow picture, or an array: ``(H, W)``, ``(H, W, 1)``,
            ``(H, W, 3)`` sRGB or ``(H, W, 4)`` with straight alpha; uint8, uint16, bool, or floats in [0, 1].
        background: sRGB colour under transparent pixels, 0 to 255 each.

    Returns:
        ``(H, W, 3)`` uint8 sRGB; a new array.

    Raises:
        UnreadableImage: missing, empty, cut off, damaged, too large, or no picture; the message says which.
    """
    name = str(source) if isinstance(source, Path | str) else "the picture"
    try:
        if isinstance(source, np.ndarray):
            return _from_array(source, background)
        if isinstance(source, Image.Image):
            return decode_rgb(source, background=background)
        content = source if isinstance(source, bytes) else read_content(Path(source))
        with identify(content) as image:
            return decode_rgb(image, content, background=background)
    except UnreadableImage as error:
        raise UnreadableImage(f"cannot read {name}: {error}.") from error


def read_content(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        UnreadableImage: with the reason alone, without the path.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
            raise UnreadableImage("it is no ordinary file but a pipe, socket or device")  # reading may wait for ever
        return path.read_bytes()
    except FileNotFoundError:
        raise UnreadableImage("there is no such file") from None
    except IsADirectoryError:
        raise UnreadableImage("it is a folder") from None
    except PermissionError:
        raise UnreadableImage("there is no permission to read it") from None
    except OSError as error:
        raise UnreadableImage(f"reading it failed: {error.strerror or error}") from error


def content_hash(content: bytes) -> str:
    """Return the BLAKE2b-128 hash of a file's bytes in hexadecimal; equal pictures are found by it."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def identify(content: bytes) -> Image.Image:
    """Open a picture's header; pixels are decoded later.

    Raises:
        UnreadableImage: with the reason alone.
    """
    if not content:
        raise UnreadableImage("it is empty (0 bytes)")
    with reasons():
        try:
            return Image.open(io.BytesIO(content), formats=_readable_formats())
        except UnidentifiedImageError:
            raise UnreadableImage(describe(content)) from None


def decode_rgb(
    image: Image.Image, content: bytes | None = None, *, background: tuple[int, int, int] = (255, 255, 255)
) -> NDArray[np.uint8]:
    """Decode what :func:`identify` opened; the rules and the result are those of :func:`open_rgb`.

    Args:
        image: the opened picture; its pixels get loaded.
        content: the file's bytes. Needed only to round 16-bit colour exactly: Pillow itself keeps the upper
            byte, up to one level too dark.
        background: sRGB colour under transparent pixels.

    Raises:
        UnreadableImage: with the reason alone.
    """
    with reasons():
        image.load()  # also for deep colour: Pillow judges whether the file is whole
        orientation = orientation_of(image)  # Pillow and OpenCV turn a TIFF while loading it, and Pillow then says so
        values = None
        if content is not None and is_sixteen_bit_colour(image, content):
            values = sixteen_bit_colour(image, content)
        if values is None:
            colour, alpha = colour_and_alpha(image)
        else:
            colour = Image.fromarray(values[..., :3])
            alpha = Image.fromarray(values[..., 3]) if values.shape[2] == 4 else None
        rgb = to_srgb(colour, image.info.get("icc_profile"))
        if alpha is not None:
            rgb = Image.composite(rgb, Image.new("RGB", rgb.size, background), alpha)
        if orientation in _TRANSPOSITIONS:
            rgb = rgb.transpose(_TRANSPOSITIONS[orientation])
        return np.array(rgb)


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 when there is none or the EXIF data are broken."""
    try:
        value = image.getexif().get(0x0112, 1)
    except Exception:  # a broken tag must not cost the picture; broken pixels are found when they are decoded
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def turn_upright(values: NDArray[Sample], orientation: int) -> NDArray[Sample]:
    """Return ``(H, W, C)`` pixels turned as EXIF orientation 1 to 8 says; contiguous.

    Source: EXIF 2.32, tag 0x0112.
    """
    if orientation >= 5:
        values = values.transpose(1, 0, 2)
    flip_rows, flip_columns = orientation in {3, 4, 7, 8}, orientation in {2, 3, 6, 7}
    if flip_rows:
        values = values[::-1]
    if flip_columns:
        values = values[:, ::-1]
    return np.ascontiguousarray(values)


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return width and height in pixels after EXIF orientation, of a picture not yet decoded."""
    width, height = image.size
    turned = orientation_of(image) >= 5 and image.format != "TIFF"  # Pillow gives a TIFF's size already turned
    return (height, width) if turned else (width, height)


def extension_fits(path: Path, picture_format: str) -> bool:
    """Return whether a file's extension is one of its format's; unknown extensions are not judged.

    Args:
        path: of the file.
        picture_format: as Pillow names it, such as ``"JPEG"``.
    """
    extension = path.suffix.lower()
    family = _SAME_FAMILY.get(picture_format, picture_format)
    return extension not in PICTURE_EXTENSIONS or extension in _EXTENSIONS_OF_FORMAT.get(family, ())


@functools.cache
def _readable_formats() -> tuple[str, ...]:
    """Return those of FORMATS that this Pillow was built with; Pillow registers most of them only when asked."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


@contextlib.contextmanager
def reasons() -> Iterator[None]:
    """Turn whatever a decoder raises into a reason for the user."""
    try:
        yield
    except UnreadableImage:
        raise
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        raise UnreadableImage(f"it has more than {limit} million pixels; make it smaller") from None
    except MemoryError:
        raise UnreadableImage("decoding it needs more memory than there is; make it smaller") from None
    except Exception as error:  # damaged files make decoders raise nearly anything, KeyError included
        detail = str(error).strip().rstrip(".") or type(error).__name__
        raise UnreadableImage(f"it is cut off or damaged ({detail}); copy or export it again") from error


def _from_array(array: NDArray, background: tuple[int, int, int]) -> NDArray[np.uint8]:
    if array.ndim not in {2, 3} or 0 in array.shape or (array.ndim == 3 and array.shape[2] not in {1, 3, 4}):
        raise UnreadableImage(f"its shape is {array.shape}; give (H, W), or (H, W, C) with 1, 3 or 4 channels last")
    values = array_to_eight_bits(array).reshape(*array.shape[:2], -1)
    if values.shape[2] == 4:
        rgba = Image.fromarray(np.ascontiguousarray(values))
        return decode_rgb(rgba, background=background)
    return np.array(np.broadcast_to(values, (*values.shape[:2], 3)))
