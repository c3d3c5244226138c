"""Colour profiles: from a picture's own colour space to sRGB."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image, ImageCms

# A profile's colour space -> the Pillow mode that its pixels have.
_MODE_OF_SPACE = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
# What Photoshop, GIMP and browsers do by default: colours that both spaces hold stay exactly the same.
INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture as 8-bit sRGB.

    A profile that cannot be parsed, or that describes another kind of pixels than the picture's (CMYK in an
    RGB picture), is ignored, as browsers do: the picture is then taken as sRGB. One exception, common in the
    wild: a grey picture with an RGB profile is read as the RGB picture with three equal channels. A profile
    that moves no colour by more than one level is sRGB under another name, and is skipped.

    Args:
        image: of mode L, RGB, CMYK or LAB, 8 bits a sample.
        profile: content of the embedded ICC profile, ``None`` when there is none.

    Source:
        ICC.1:2022; relative colorimetric intent with black point compensation (ISO 18619).
    """
    if profile:
        mode = _mode_of(profile)
        if image.mode == "L" and mode == "RGB":
            image = image.convert("RGB")
        if image.mode == mode:
            transform = _transform(profile, mode)
            if transform is not None:
                return transform.apply(image)
    if image.mode == "LAB":
        return _lab_transform().apply(image)
    return image.convert("RGB")


@functools.lru_cache(maxsize=32)
def _mode_of(profile: bytes) -> str | None:
    """Return the mode of the pixels that a profile describes, ``None`` for a broken or unusual profile."""
    try:
        parsed = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return _MODE_OF_SPACE.get(parsed.profile.xcolor_space.strip())
    except (OSError, TypeError, ValueError):
        return None


@functools.lru_cache(maxsize=32)  # building takes milliseconds; a camera's pictures share one profile
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform to sRGB, ``None`` when it is broken or would change nothing."""
    try:
        transform = ImageCms.ImageCmsTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
            mode,
            "RGB",
            INTENT,
            flags=FLAGS,
        )
        if mode in {"L", "RGB"}:
            probe = probe_of(mode)
            before = np.asarray(probe.convert("RGB"), dtype=np.int16)
            after = np.asarray(transform.apply(probe), dtype=np.int16)
            if np.abs(after - before).max() <= 1:
                return None
    except (OSError, TypeError, ValueError, ImageCms.PyCMSError):
        return None
    return transform


def probe_of(mode: str) -> Image.Image:
    """Return a small picture with colours from all over the cube (RGB) or the ramp (L)."""
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    levels = np.linspace(0, 255, 16).astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1)
    return Image.fromarray(cube.reshape(64, 64, 3))


@functools.cache
def _lab_transform() -> ImageCms.ImageCmsTransform:
    """Return CIE L*a*b* (D50) to sRGB, which Pillow's ``convert`` does not know."""
    return ImageCms.ImageCmsTransform(
        ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
        "LAB",
        "RGB",
        INTENT,
        flags=FLAGS,
    )
