import numpy as np
import pytest

from tests.cutting.pictures import disc, lay, lit_paper
from toprung.cutting.scene import Background
from toprung.cutting.unlikeness import unlikeness


def known(sigma=3 / 255):
    return Background(lit_paper(), np.full((120, 160), sigma, np.float32), np.ones((120, 160), bool), "plate")


def test_about_one_on_background():
    measured = unlikeness(lit_paper(noise=3 / 255), known())
    assert np.median(measured.plain) == pytest.approx(1, abs=0.25)
    assert np.percentile(measured.plain, 99.9) < 4
    assert (measured.shaded <= measured.plain).all()


def test_shadow_is_told_from_another_colour():
    alpha = disc() > 0.5
    shadow = np.where(alpha, 0.8, 1.0)[..., None]
    # shade multiplies light, and so sRGB + 0.055
    shaded = (lit_paper(noise=3 / 255) + 0.055) * shadow - 0.055
    inner = disc(radius=0.2) > 0.5
    measured = unlikeness(shaded.astype(np.float32), known())
    assert np.median(measured.plain[inner]) > 6
    assert np.median(measured.shaded[inner]) < 1.3
    assert measured.shade[inner].mean() == pytest.approx(0.8, abs=0.01)
    other = unlikeness(lay(lit_paper(noise=3 / 255), disc(), (0.5, 0.45, 0.3)), known())
    assert np.median(other.shaded[inner]) > 6


def test_brightness_grain_leaves_colour_sensitive():
    rng = np.random.default_rng(0)
    grain = rng.normal(size=(120, 160, 1)).astype(np.float32) * 8 / 255
    inner = disc(radius=0.2) > 0.5
    tinted = lit_paper() + grain + np.where(disc()[..., None] > 0.5, np.array([5, -5, 0]) / 255, 0)
    measured = unlikeness(tinted.astype(np.float32), known(8 / 255))
    outside = disc(radius=0.35) < 0.01
    # 5 levels of colour under 8 levels of grain are told apart
    assert np.median(measured.plain[inner]) > 1.5 * np.median(measured.plain[outside])


def test_zero_where_the_background_is_not_known():
    ground = known()
    ground.valid[:, :80] = False
    measured = unlikeness(np.zeros((120, 160, 3), np.float32), ground)
    assert (measured.plain[:, :80] == 0).all()
    assert measured.plain[:, 80:].min() > 10
