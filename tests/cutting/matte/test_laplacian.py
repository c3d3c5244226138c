"""The band's Laplacian against PyMatting's, and the band's alpha against PyMatting's closed form."""

import numpy as np
import pytest

from toprung.cutting.matte.band import band_alpha
from toprung.cutting.matte.laplacian import matting_laplacian
from toprung.cutting.trimap import BACKGROUND, OBJECT, UNKNOWN


def picture(seed: int = 0, height: int = 24, width: int = 31) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)


def test_rows_of_unknown_pixels_are_those_of_pymatting():
    cf_laplacian = pytest.importorskip("pymatting").cf_laplacian
    rgb = picture()
    unknown = np.zeros(rgb.shape[:2], bool)
    unknown[5:17, 8:22] = True
    unknown[10, 12] = False
    ours, pixels = matting_laplacian(rgb, unknown, epsilon=1e-6)
    theirs = cf_laplacian(rgb.astype(np.float64), 1e-6, 1).toarray()
    rows = unknown.ravel()[pixels]
    found = np.zeros((int(rows.sum()), theirs.shape[1]))
    found[:, pixels] = ours[rows].toarray()
    expected = theirs[np.flatnonzero(unknown.ravel())]
    # PyMatting adds epsilon to the covariance's diagonal, the paper epsilon / 9: the same within the noise's covariance
    assert np.abs(found - expected).max() < 1e-4


def test_a_constant_is_in_the_null_space():
    unknown = np.zeros((24, 31), bool)
    unknown[4:20, 4:26] = True
    laplacian, pixels = matting_laplacian(picture(1), unknown)
    rows = unknown.ravel()[pixels]
    assert np.abs((laplacian @ np.ones(len(pixels)))[rows]).max() < 1e-9


def test_a_pixel_at_the_border_of_the_picture_has_a_row():
    unknown = np.zeros((12, 12), bool)
    unknown[0, :5] = True
    laplacian, pixels = matting_laplacian(picture(2, 12, 12), unknown)
    assert (laplacian.diagonal()[unknown.ravel()[pixels]] > 0).all()


def test_alpha_is_exact_where_colours_lie_on_a_line():
    """Object and ground of one colour each: alpha is linear in colour, which the method's model holds exactly."""
    height, width = 40, 48
    truth = np.clip((np.arange(width) - 16) / 15, 0, 1)[None].repeat(height, 0).astype(np.float32)
    front, back = np.array([0.9, 0.3, 0.1]), np.array([0.1, 0.4, 0.8])
    rgb = (truth[..., None] * front + (1 - truth[..., None]) * back).astype(np.float32)
    trimap = np.full((height, width), UNKNOWN, np.uint8)
    trimap[:, :12], trimap[:, 36:] = BACKGROUND, OBJECT
    assert np.abs(band_alpha(rgb, trimap) - truth).max() < 5e-3


def test_no_band_is_the_trimap_itself():
    trimap = np.zeros((8, 9), np.uint8)
    trimap[2:5, 2:5] = OBJECT
    assert (band_alpha(picture(3, 8, 9), trimap) == (trimap == OBJECT)).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 2)])
def test_tiny_pictures_have_an_alpha(shape):
    alpha = band_alpha(picture(4, *shape), np.full(shape, UNKNOWN, np.uint8))
    assert alpha.shape == shape and np.isfinite(alpha).all()
