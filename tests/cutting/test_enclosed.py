"""Enclosed gaps: a hole that shows the ground stays, a patch of the object in nearly its colour is filled."""

import numpy as np
import pytest

from toprung.cutting.enclosed import fill_object_like
from toprung.cutting.evidence import evidence
from toprung.cutting.scene import Background

SIDE = 120
PAPER = np.array([0.7, 0.6, 0.5], np.float32)
GAP = np.s_[50:72, 50:72]


def _case(gap_colour: np.ndarray) -> tuple[np.ndarray, np.ndarray, Background]:
    """A red block with a gap of some colour, on paper; the mask takes the gap for ground."""
    rng = np.random.default_rng(0)
    ground = np.broadcast_to(PAPER, (SIDE, SIDE, 3)).astype(np.float32).copy()
    photo = ground + rng.normal(0, 0.006, ground.shape)
    photo[30:90, 30:90] = (0.7, 0.2, 0.2)
    photo[GAP] = gap_colour + rng.normal(0, 0.006, (22, 22, 3))
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[30:90, 30:90] = 1
    mask[GAP] = 0
    sigma = np.full((SIDE, SIDE), 0.006, np.float32)
    background = Background(ground, sigma, np.ones((SIDE, SIDE), bool), "plate")
    return np.clip(photo, 0, 1).astype(np.float32), mask, background


def _filled(gap_colour: np.ndarray) -> bool:
    photo, mask, background = _case(gap_colour)
    result = fill_object_like(mask, evidence(photo, background))
    outside = np.ones_like(mask, bool)
    outside[GAP] = False
    assert np.array_equal(result[outside], mask[outside])
    return bool(result[GAP].mean() > 0.9)


@pytest.mark.parametrize("factor", [1.0, 0.97, 0.93])
def test_ground_and_ground_in_a_little_shade_stay_a_hole(factor):
    assert not _filled((PAPER + 0.055) * factor - 0.055)


@pytest.mark.parametrize(
    "colour",
    [(PAPER + 0.055) * 1.04 - 0.055, PAPER + np.array([0.03, 0, -0.03]), (PAPER + 0.055) * 0.72 - 0.055],
    ids=["brighter", "tinted", "far darker"],
)
def test_nearly_the_grounds_colour_is_object(colour):
    assert _filled(np.asarray(colour))


def test_without_a_gap_the_mask_is_returned():
    photo, mask, background = _case(PAPER)
    mask[GAP] = 1
    assert fill_object_like(mask, evidence(photo, background)) is mask
