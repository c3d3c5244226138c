import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from tests.images.make_content import encode, matrix_profile, smooth
from toprung.images.files import open_rgb

# Colorants under D50 (Bradford), as in Adobe's profile and in Lindbloom's tables, brucelindbloom.com.
ADOBE_RGB = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
GAMMA = 563 / 256


def adobe_to_srgb(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The two colour spaces' definitions, one after the other."""
    linear = (pixels / 255) ** GAMMA @ ADOBE_RGB.T @ np.linalg.inv(SRGB).T
    linear = linear.clip(0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def muted() -> NDArray[np.uint8]:
    """Colours that sRGB holds too; others are cut at its border, each program in its way."""
    return (80 + smooth() * 0.4).astype(np.uint8)


@pytest.mark.parametrize("picture_format", ["PNG", "TIFF", "WEBP"])
def test_a_wide_colour_space_becomes_srgb(picture_format: str) -> None:
    profile = matrix_profile(ADOBE_RGB, GAMMA)
    options = {"lossless": True} if picture_format == "WEBP" else {}
    read = open_rgb(encode(muted(), picture_format, icc_profile=profile, **options))
    assert np.abs(read - adobe_to_srgb(muted())).max() <= 1.5
    assert np.abs(read - muted().astype(float)).max() > 5


def test_as_pillow_does_with_the_same_intent() -> None:
    profile = matrix_profile(ADOBE_RGB, GAMMA)
    theirs = ImageCms.profileToProfile(
        Image.fromarray(smooth()),
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert (open_rgb(encode(smooth(), "PNG", icc_profile=profile)) == np.asarray(theirs)).all()


def test_sixteen_bit_colour_has_its_profile_applied() -> None:
    profile = matrix_profile(ADOBE_RGB, GAMMA)
    plain = open_rgb(encode(muted(), "TIFF", icc_profile=profile))
    assert (open_rgb(encode(muted(), "PNG", icc_profile=profile)) == plain).all()


def test_srgb_under_any_name_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert (open_rgb(encode(smooth(), "PNG", icc_profile=profile)) == smooth()).all()


def test_transparency_and_profile_together() -> None:
    rgba = np.dstack([muted(), np.full((40, 60), 255, np.uint8)])
    rgba[:, 30:, 3] = 0
    read = open_rgb(encode(rgba, "PNG", icc_profile=matrix_profile(ADOBE_RGB, GAMMA)), background=(9, 8, 7))
    assert np.abs(read[:, :30] - adobe_to_srgb(muted())[:, :30]).max() <= 1.5
    assert (read[:, 30:] == (9, 8, 7)).all()


@pytest.mark.parametrize("profile", [b"no profile", matrix_profile(ADOBE_RGB, GAMMA)[:200]])
def test_a_broken_profile_is_ignored(profile: bytes) -> None:
    assert (open_rgb(encode(smooth(), "PNG", icc_profile=profile)) == smooth()).all()


def test_a_profile_of_other_pixels_is_ignored() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert (open_rgb(encode(smooth(), "PNG", icc_profile=profile)) == smooth()).all()


def test_grey_with_a_colour_profile_stays_grey() -> None:
    read = open_rgb(encode(muted()[..., 0], "PNG", icc_profile=matrix_profile(ADOBE_RGB, GAMMA)))
    expected = adobe_to_srgb(np.repeat(muted()[..., :1], 3, axis=-1))
    assert np.abs(read - expected).max() <= 1.5


def test_lab() -> None:
    """L* = 50 without colour is sRGB grey 119 (CIE 1976 and IEC 61966-2-1)."""
    lab = Image.frombytes("LAB", (4, 4), bytes([round(50 * 255 / 100), 0, 0]) * 16)  # a* and b* are signed
    assert np.abs(open_rgb(encode(lab, "TIFF")).astype(int) - 119).max() <= 2
