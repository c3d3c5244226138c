"""The matte against a known background: exact mixtures are found again, and it is better than its mask."""

import numpy as np
import pytest
from benchmarks.cutout_cases import make_case
from benchmarks.cutout_metrics import mae

from toprung.cutting.align.align import align_rgb
from toprung.cutting.masks.plate_difference import plate_difference
from toprung.cutting.matte.known_background import known_background_alpha
from toprung.cutting.matte.plate_matte import plate_matte
from toprung.cutting.plate_background import plate_background
from toprung.cutting.scene import Background, Scene
from toprung.cutting.trimap import BACKGROUND, OBJECT, UNKNOWN


def test_mixtures_of_a_known_pair_are_exact():
    """One object colour, any background: the projection is alpha itself."""
    rng = np.random.default_rng(0)
    behind = rng.uniform(0.1, 0.4, (30, 40, 3)).astype(np.float32)
    front = np.array([0.9, 0.8, 0.7], np.float32)
    truth = np.tile(np.linspace(0, 1, 40, dtype=np.float32), (30, 1))
    photo = truth[..., None] * front + (1 - truth[..., None]) * behind
    sure = truth >= 1
    unknown = (truth > 0) & (truth < 1)
    sigma = np.full(truth.shape, 0.004, np.float32)
    alpha, confidence = known_background_alpha(photo, behind, sigma, sure, unknown)
    assert np.abs(alpha - truth[unknown]).max() < 2e-3
    assert confidence.min() > 0.5


def test_a_gamut_tells_the_least_alpha_without_any_sample():
    """White over black: a pixel of 0.6 is covered by at least 0.6, whatever the object's colour."""
    behind = np.zeros((5, 5, 3), np.float32)
    photo = np.full((5, 5, 3), 0.6, np.float32)
    nowhere, everywhere = np.zeros((5, 5), bool), np.ones((5, 5), bool)
    alpha, _ = known_background_alpha(photo, behind, np.full((5, 5), 1e-4, np.float32), nowhere, everywhere)
    assert alpha == pytest.approx(0.6, abs=0.02)


@pytest.mark.parametrize(("group", "ground"), [("plain", "paper"), ("thin", "photograph"), ("soft", "photograph")])
def test_the_matte_is_better_than_its_mask(group, ground):
    case = make_case(6, group, ground, "test", (300, 400))
    photo = case.photo.astype(np.float32) / 255
    found = align_rgb(case.plate.astype(np.float32) / 255, photo)
    assert found.ok
    scene = Scene(photo, plate_background(photo, found))
    mask = plate_difference(scene)
    matte = plate_matte(scene, mask)
    assert mae(matte, case.alpha) < 0.8 * mae(mask, case.alpha)


def test_a_given_trimap_is_obeyed():
    rng = np.random.default_rng(1)
    ground = np.full((60, 80, 3), 0.6, np.float32)
    photo = (ground + rng.normal(0, 0.004, ground.shape)).astype(np.float32)
    photo[20:40, 20:60] = (0.8, 0.2, 0.2)
    background = Background(ground, np.full((60, 80), 0.005, np.float32), np.ones((60, 80), bool), "plate")
    trimap = np.full((60, 80), BACKGROUND, np.uint8)
    trimap[24:36, 24:40] = OBJECT
    trimap[18:42, 18:44] = np.where(trimap[18:42, 18:44] == OBJECT, OBJECT, UNKNOWN)
    matte = plate_matte(Scene(photo, background), np.zeros((60, 80), np.float32), 1.0, trimap)
    assert (matte[trimap == OBJECT] == 1).all() and (matte[trimap == BACKGROUND] == 0).all()
    assert matte[30, 22] > 0.9  # in the band, and object


def test_an_empty_mask_is_an_empty_matte():
    ground = Background(
        np.full((20, 20, 3), 0.5, np.float32), np.full((20, 20), 0.01, np.float32), np.ones((20, 20), bool), "plate"
    )
    assert not plate_matte(Scene(ground.rgb, ground), np.zeros((20, 20), np.float32)).any()
