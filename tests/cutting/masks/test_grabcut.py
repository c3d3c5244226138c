import numpy as np
import pytest

from tests.cutting.pictures import disc, lay, lit_paper
from toprung.cutting.masks.grabcut import grabcut, grabcut_box, grabcut_edges
from toprung.cutting.scene import Scene

VARIANTS = [grabcut, grabcut_box, grabcut_edges]


@pytest.mark.parametrize("variant", VARIANTS)
def test_without_a_plate(variant):
    alpha = disc()
    mask = variant(Scene(lay(lit_paper(noise=2 / 255), alpha)))
    assert np.abs(mask - alpha).mean() < 0.002


@pytest.mark.parametrize("variant", VARIANTS)
def test_reduced_and_refined_at_full_scale(variant):
    # wider than the reduced picture: the band is refined on the photo itself
    alpha = disc(480, 640)
    mask = variant(Scene(lay(lit_paper(480, 640, noise=2 / 255), alpha)))
    assert np.abs(mask - alpha).mean() < 0.002
    edge = (alpha > 0.02) & (alpha < 0.98)
    assert np.abs(mask - alpha)[edge].mean() < 0.1


@pytest.mark.parametrize("variant", VARIANTS)
def test_soft_shadow_is_not_cut(variant):
    alpha = disc()
    light = 1 - 0.3 * disc(centre=(0.6, 0.58), radius=0.28)[..., None]
    # shade multiplies light, and so sRGB + 0.055
    rgb = (lit_paper(noise=2 / 255) + 0.055) * light - 0.055
    mask = variant(Scene(lay(rgb, alpha)))
    assert ((mask > 0.5) & (alpha < 0.5)).mean() < 0.01


def test_hole_stays_open():
    alpha = disc(radius=0.38) - disc(radius=0.15)
    mask = grabcut(Scene(lay(lit_paper(noise=2 / 255), alpha)))
    assert np.abs(mask - alpha).mean() < 0.004
