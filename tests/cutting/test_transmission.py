"""What shines through: the regression of the photo's structure on the background's."""

import cv2
import numpy as np
import pytest
from benchmarks.cutout_cases.surfaces import clutter

from toprung.cutting.scene import Background
from toprung.cutting.transmission import see_through, transmission

HEIGHT, WIDTH = 160, 200
PANE = np.zeros((HEIGHT, WIDTH), np.float32)
PANE[30:130, 40:160] = 1
INNER = np.s_[50:110, 60:140]


def _ground(structured: bool = True) -> Background:
    if structured:
        rgb = cv2.GaussianBlur(clutter(np.random.default_rng(4), HEIGHT, WIDTH), (0, 0), 1.0).astype(np.float32)
    else:
        rgb = np.full((HEIGHT, WIDTH, 3), 0.6, np.float32)
    valid = np.ones((HEIGHT, WIDTH), bool)
    return Background(rgb, np.full((HEIGHT, WIDTH), 0.004, np.float32), valid, "plate")


def _photo(ground: Background, alpha: float) -> np.ndarray:
    share = (PANE * alpha)[..., None]
    noise = np.random.default_rng(1).normal(0, 0.003, (HEIGHT, WIDTH, 3))
    return np.clip(share * np.array([0.3, 0.5, 0.8]) + (1 - share) * ground.rgb + noise, 0, 1).astype(np.float32)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.6, 0.8, 1.0])
def test_a_smooth_pane_lets_one_minus_alpha_through(alpha):
    ground = _ground()
    share, error = transmission(_photo(ground, alpha), ground, PANE > 0, 6.0)
    sure = error[INNER] < 0.05
    assert sure.mean() > 0.3
    assert abs(float(np.median(share[INNER][sure])) - (1 - alpha)) < 0.04


def test_a_pane_is_found_and_an_opaque_object_is_not():
    ground = _ground()
    sure = PANE > 0
    through, alpha = see_through(_photo(ground, 0.6), ground, sure, 6.0)
    assert through[INNER].mean() > 0.5
    assert float(np.abs(alpha[through] - 0.6).mean()) < 0.08
    assert not (through & ~sure).any()
    opaque, _ = see_through(_photo(ground, 1.0), ground, sure, 6.0)
    assert opaque.mean() < 0.005


def test_a_plain_ground_says_nothing():
    ground = _ground(structured=False)
    through, _ = see_through(_photo(ground, 0.5), ground, PANE > 0, 6.0)
    assert not through.any()
