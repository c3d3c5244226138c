"""Colour spaces of RGB profiles: samples -> sRGB, and sRGB -> samples for writing a result in the photo's own space."""

from __future__ import annotations

import functools
import io
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from toprung.images.depth import array_to_eight_bits, from_unit_floats
from toprung.images.matrix_profiles import read_matrix_profile
from toprung.images.profiles import FLAGS, INTENT, probe_of, to_srgb


class Space(Protocol):
    """An RGB colour space other than sRGB."""

    def to_srgb(self, values: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.float32]:
        """Return ``(H, W, 3)`` float32 sRGB in [0, 1] of samples in this space."""

    def from_srgb(self, rgb: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return ``(H, W, 3)`` float32 samples in [0, 1] in this space of sRGB in [0, 1]."""


class TableSpace:
    """The space of a profile made of tables, converted by Little CMS with 8 bits.

    Args:
        profile: of a scanner or printer, RGB, which can be converted in both directions.
    """

    def __init__(self, profile: bytes) -> None:
        self._profile = profile
        own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        self._back = ImageCms.ImageCmsTransform(ImageCms.ImageCmsProfile(srgb), own, "RGB", "RGB", INTENT, flags=FLAGS)

    def to_srgb(self, values: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.float32]:
        """As :class:`Space` says; 16-bit samples are rounded to 8 bits first."""
        eight = array_to_eight_bits(values)
        return np.asarray(to_srgb(Image.fromarray(eight), self._profile)).astype(np.float32) / np.float32(255)

    def from_srgb(self, rgb: NDArray[np.float32]) -> NDArray[np.float32]:
        """As :class:`Space` says, in steps of 8 bits."""
        return np.asarray(self._back.apply(Image.fromarray(from_unit_floats(rgb)))).astype(np.float32) / np.float32(255)


@functools.lru_cache(maxsize=8)
def space_of(profile: bytes) -> Space | None:
    """Return the space of an RGB profile; None for one that moves no colour by more than a level of 8 bits.

    Raises:
        ValueError: the profile is broken, is not RGB, or cannot be converted back to.
    """
    try:
        parsed = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if parsed.profile.xcolor_space.strip() != "RGB":
            raise ValueError("not a profile of RGB pixels")
        space: Space = read_matrix_profile(profile) or TableSpace(profile)
    except (OSError, TypeError, ImageCms.PyCMSError) as error:
        raise ValueError(f"not a usable profile: {error}") from error
    probe = np.asarray(probe_of("RGB"))
    moved = np.abs(space.to_srgb(probe) * 255 - probe).max()
    return None if moved <= 1.5 else space
