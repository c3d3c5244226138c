"""Evidence against the background: shadows are none, colours and brighter light are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.cutting.evidence import evidence
from toprung.cutting.scene import Background

HEIGHT, WIDTH = 96, 128
PAPER = np.array([0.8, 0.7, 0.35], np.float32)


def background(sigma: float = 0.008) -> Background:
    rgb = np.broadcast_to(PAPER, (HEIGHT, WIDTH, 3)).astype(np.float32).copy()
    return Background(rgb, np.full((HEIGHT, WIDTH), sigma, np.float32), np.ones((HEIGHT, WIDTH), bool), "plate")


def photo(seed: int = 0, sigma: float = 0.008) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sigma, (HEIGHT, WIDTH, 3))
    return (background().rgb + noise).astype(np.float32)


PATCH = np.s_[30:60, 40:80]
INNER = np.s_[36:54, 46:74]


def _patched(colour: np.ndarray) -> np.ndarray:
    picture = photo()
    picture[PATCH] = np.clip(colour + picture[PATCH] - PAPER, 0, 1)
    return picture


def test_the_background_itself_speaks_for_background():
    found = evidence(photo(), background())
    assert (found.likelihood < 0).mean() > 0.995
    assert abs(float(found.light.mean())) < 1e-3


@given(st.floats(0.78, 0.97))
def test_a_shadow_is_a_step_of_light_without_tint(factor):
    """Light dimmed by a factor moves s + 0.055 by one factor in all channels."""
    dimmed = (PAPER + 0.055) * factor - 0.055
    found = evidence(_patched(dimmed), background())
    assert float(np.median(found.light[INNER])) == pytest.approx(np.log(factor), abs=0.01)
    assert float(np.median(found.tint[INNER])) < 2.5
    assert (found.likelihood[INNER] < 0).mean() > 0.9


@pytest.mark.parametrize(
    "colour",
    [(0.8, 0.3, 0.3), (0.3, 0.7, 0.35), (0.9, 0.85, 0.7), (0.05, 0.05, 0.05)],
    ids=["red", "green", "pale", "black"],
)
def test_other_colours_speak_for_object(colour):
    found = evidence(_patched(np.array(colour)), background())
    assert (found.likelihood[INNER] > 0).all()


def test_brighter_light_is_no_shadow():
    found = evidence(_patched((PAPER + 0.055) * 1.12 - 0.055), background())
    assert (found.likelihood[INNER] > 0).mean() > 0.95


def test_where_the_background_is_not_known_nothing_is_said():
    ground = background()
    ground.valid[:, :40] = False
    found = evidence(_patched(np.array((0.1, 0.1, 0.9))), ground)
    assert (found.likelihood[:, :40] == 0).all()
