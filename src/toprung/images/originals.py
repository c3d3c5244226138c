"""Open a picture with all that its file holds: 16 bits, transparency, colour profile, resolution."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toprung.images.files import orientation_of, reasons, turn_upright
from toprung.images.modes import colour_and_alpha, is_sixteen_bit_colour, stored_deep_grey, stored_sixteen_bits
from toprung.images.profiles import to_srgb
from toprung.images.spaces import space_of

Samples = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True)
class Original:
    """A decoded picture, upright.

    Attributes:
        rgb: ``(H, W, 3)`` float32 sRGB in [0, 1], straight: what stands under transparent pixels too.
        alpha: ``(H, W)`` float32 in [0, 1]; None when no pixel is transparent.
        profile: the file's RGB colour profile, None when it had none, or one that describes no RGB or is broken.
        samples: ``(H, W, 3)`` uint8 or uint16 in the space of ``profile`` as the file holds them; None where ``rgb``
            itself is as good (sRGB).
        bits: per sample of ``rgb``, 8 or 16.
        dpi: pixels per inch to the right and down, None when the file does not say.
    """

    rgb: NDArray[np.float32]
    alpha: NDArray[np.float32] | None
    profile: bytes | None
    samples: Samples | None
    bits: int
    dpi: tuple[float, float] | None


def decode_original(image: Image.Image, content: bytes | None = None) -> Original:
    """Decode what :func:`toprung.images.files.identify` opened.

    The rules are those of ``open_rgb`` there, but transparent pixels keep their colours, and 16-bit RGB and grey keep
    their depth. 16-bit TIFF with premultiplied alpha, 16-bit grey with a grey profile, 16-bit CMYK and 32-bit samples
    come at 8 bits.

    Args:
        image: the opened picture; its pixels get loaded.
        content: the file's bytes; without them 16-bit colour comes at the depth that Pillow keeps.

    Raises:
        UnreadableImage: with the reason alone.
    """
    with reasons():
        turned = orientation_of(image) >= 5
        image.load()
        orientation = orientation_of(image)  # Pillow and OpenCV turn a TIFF while loading it, and Pillow then says so
        deep = content is not None and is_sixteen_bit_colour(image, content)
        stored = stored_sixteen_bits(image, content) if deep and content is not None else None
        profile = image.info.get("icc_profile") or None
        rgb, alpha, profile, samples, bits = _convert(image, stored, profile)
        return Original(
            turn_upright(rgb, orientation),
            None if alpha is None else turn_upright(alpha[..., None], orientation)[..., 0],
            profile,
            None if samples is None else _turned(samples, orientation),
            bits,
            _resolution(image, turned),
        )


def _convert(
    image: Image.Image, stored: NDArray[np.uint16] | None, profile: bytes | None
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None, bytes | None, Samples | None, int]:
    """Return sRGB, alpha, the profile that stays, samples in it, and bits."""
    if stored is not None:
        alpha = _shares(stored[..., 3]) if stored.shape[2] == 4 else None
        return *_from_rgb(np.ascontiguousarray(stored[..., :3]), alpha, profile), 16
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in {"PPM", "PNG"}):
        grey, clear = stored_deep_grey(image)
        if profile is None or _is_rgb(profile):
            alpha = None if clear is None else _shares(clear)
            return *_from_rgb(np.repeat(grey[..., None], 3, axis=2), alpha, profile), 16
    colour, mask = colour_and_alpha(image)
    alpha = None if mask is None else _shares(np.asarray(mask))
    if colour.mode == "RGB" or (colour.mode == "L" and (profile is None or _is_rgb(profile))):
        return *_from_rgb(np.asarray(colour.convert("RGB")), alpha, profile), 8
    return _shares(np.asarray(to_srgb(colour, profile))), alpha, None, None, 8


def _from_rgb(
    values: Samples, alpha: NDArray[np.float32] | None, profile: bytes | None
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None, bytes | None, Samples | None]:
    if alpha is not None and bool((alpha == 1).all()):
        alpha = None
    if profile is None or not _is_rgb(profile):
        return _shares(values), alpha, None, None
    space = space_of(profile)
    if space is None:
        return _shares(values), alpha, profile, None
    return space.to_srgb(values), alpha, profile, values


def _is_rgb(profile: bytes) -> bool:
    try:
        space_of(profile)
    except ValueError:
        return False
    return True


def _shares(values: Samples) -> NDArray[np.float32]:
    shares = values.astype(np.float32)
    shares /= np.iinfo(values.dtype).max
    return shares


def _turned(samples: Samples, orientation: int) -> Samples:
    return turn_upright(samples, orientation)  # type: ignore[type-var, return-value]


def _resolution(image: Image.Image, turned: bool) -> tuple[float, float] | None:
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not all(math.isfinite(value) and 0 < value < 1e6 for value in (across, down)):
        return None
    return (down, across) if turned else (across, down)
