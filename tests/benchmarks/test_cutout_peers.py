"""The peers do what their names say on pictures on which they must succeed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from benchmarks.cutout_metrics import iou, mae
from benchmarks.cutout_peers import TwoCase, peers, plate_case
from benchmarks.cutout_tables.align import corner_error

ALIGNERS = ("ORB + RANSAC", "ORB + MAGSAC", "SIFT + RANSAC", "SIFT + MAGSAC", "SIFT on CLAHE + MAGSAC", "ECC")


def _textured(height: int = 240, width: int = 320) -> np.ndarray:
    draw = np.random.default_rng(3)
    small = draw.uniform(20, 235, (height // 8, width // 8, 3)).astype(np.float32)
    big = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(big + draw.normal(0, 1, big.shape), 0, 255).astype(np.uint8)


def _disc(height: int = 120, width: int = 160) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.clip(32.5 - np.hypot(x - 80, y - 60), 0, 1).astype(np.float32)


@pytest.mark.parametrize("name", [*ALIGNERS, "BackgroundMattingV2's recipe"])
def test_aligners_find_a_small_motion(name: str) -> None:
    photo = _textured()
    truth = np.array([[0.999, -0.01, 2.0], [0.01, 0.999, -1.5], [0, 0, 1.0]])
    plate = cv2.warpPerspective(photo, truth, (320, 240), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
    assert corner_error(peers("align")[name](plate, photo), truth, 240, 320) < 1.0


def test_the_baselines() -> None:
    blank = np.zeros((240, 320, 3), np.uint8)
    blank[60:100, 80:140] = 200
    moved = np.roll(blank, (5, 9), axis=(0, 1))
    found = peers("align")["mean of corners"](blank, moved)
    np.testing.assert_allclose(found, [[1, 0, 9], [0, 1, 5], [0, 0, 1]], atol=1e-3)
    assert (peers("align")["no alignment"](blank, moved) == np.eye(3)).all()
    assert corner_error(np.eye(3), found, 240, 320) == pytest.approx(np.hypot(5, 9), abs=1e-3)
    assert corner_error(None, found, 240, 320) == float("inf")


@pytest.mark.parametrize("name", [*ALIGNERS, "BackgroundMattingV2's recipe", "mean of corners"])
def test_aligners_give_up_on_blank_pictures(name: str) -> None:
    blank = np.full((100, 120, 3), 128, np.uint8)
    assert peers("align")[name](blank, blank) is None


@pytest.mark.parametrize("name", sorted(peers("alpha")))
def test_alpha_peers_on_an_easy_case(name: str) -> None:
    draw = np.random.default_rng(0)
    alpha = _disc()
    paper = np.array([200, 180, 70], np.float32) + draw.normal(0, 1.5, (120, 160, 3))
    mixed = alpha[..., None] * np.array([30, 60, 160], np.float32) + (1 - alpha[..., None]) * paper
    photo = np.clip(mixed + draw.normal(0, 1.5, mixed.shape), 0, 255).astype(np.uint8)
    plate = np.clip(paper * 0.9 + draw.normal(0, 1.5, mixed.shape), 0, 255).astype(np.uint8)
    found = peers("alpha")[name](plate_case(photo, plate, np.eye(3), alpha))
    assert found.shape == alpha.shape
    assert iou(found, alpha) > 0.9  # a ramp on the difference reaches a pixel too far
    assert mae(found, alpha) < 0.02


def test_two_papers_without_noise() -> None:
    alpha = _disc()
    first, second = (np.full((120, 160, 3), colour, np.float32) for colour in ((0.8, 0.7, 0.2), (0.2, 0.3, 0.7)))
    object_ = np.full((120, 160, 3), (0.5, 0.1, 0.4), np.float32)
    photos = [alpha[..., None] * object_ + (1 - alpha[..., None]) * paper for paper in (first, second)]
    for name, plates in (("Smith & Blinn, plates", (first, second)), ("Smith & Blinn, border", (None, None))):
        found = peers("two")[name](TwoCase(*photos, *plates))
        assert np.abs(found - alpha).max() < 1e-3
    assert peers("two")["Smith & Blinn, plates"](TwoCase(*photos, None, None)) is None


@pytest.mark.parametrize("name", sorted(set(peers("foreground")) - {"copying the photo"}))
def test_foreground_peers_take_the_spill_away(name: str) -> None:
    alpha = cv2.GaussianBlur(_disc(), (0, 0), 3)
    plate = np.full((120, 160, 3), (0.9, 0.8, 0.1), np.float32)
    truth = np.full((120, 160, 3), (0.2, 0.2, 0.6), np.float32)
    photo = alpha[..., None] * truth + (1 - alpha[..., None]) * plate
    edge = (alpha > 0.1) & (alpha < 0.9)
    found = peers("foreground")[name](photo, alpha, plate)
    copied = peers("foreground")["copying the photo"](photo, alpha, plate)
    assert np.abs(found - truth)[edge].mean() < 0.2 * np.abs(copied - truth)[edge].mean()


def test_the_plate_is_laid_and_its_exposure_matched() -> None:
    photo = _textured()
    shift = np.array([[1, 0, 3], [0, 1, -2], [0, 0, 1.0]])
    plate = np.roll(photo, (2, -3), axis=(0, 1))
    given = plate_case(photo, (plate * 0.8).astype(np.uint8), shift, np.zeros((240, 320), np.float32))
    inside = given.valid[4:-4, 4:-4]
    assert inside.all()
    assert np.abs(given.plate - photo / 255.0)[4:-4, 4:-4].mean() < 0.01
