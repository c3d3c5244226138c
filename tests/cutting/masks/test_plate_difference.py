"""The mask against a plate: nothing where there is nothing, the object without its shadow, tints that fade left out."""

import numpy as np
import pytest
from benchmarks.cutout_cases import make_case
from benchmarks.cutout_metrics import iou

from toprung.cutting.align.align import align_rgb
from toprung.cutting.masks.plate_difference import plate_difference
from toprung.cutting.plate_background import plate_background
from toprung.cutting.scene import Background, Scene

HEIGHT, WIDTH = 150, 200
GREY = np.full((HEIGHT, WIDTH, 3), 0.6, np.float32)
rows, columns = np.mgrid[:HEIGHT, :WIDTH]
DISC = ((rows - 70) ** 2 + (columns - 90) ** 2 < 30**2).astype(np.float32)


def _scene(photo: np.ndarray, plate: np.ndarray = GREY) -> Scene:
    noise = np.random.default_rng(0).normal(0, 0.005, photo.shape)
    sigma = np.full((HEIGHT, WIDTH), 0.006, np.float32)
    ground = Background(plate, sigma, np.ones((HEIGHT, WIDTH), bool), "plate")
    return Scene(np.clip(photo + noise, 0, 1).astype(np.float32), ground)


def test_a_plate_against_itself_is_empty():
    assert plate_difference(_scene(GREY)).max() < 0.1


def test_without_a_background_it_is_empty():
    assert not plate_difference(Scene(GREY)).any()


def test_a_soft_shadow_is_ground_and_the_object_beside_it_is_not():
    shade = np.exp(-((rows - 100) ** 2 + (columns - 110) ** 2) / (2 * 22.0**2))[..., None]
    photo = (GREY + 0.055) * (1 - 0.2 * shade) - 0.055
    photo = np.where(DISC[..., None] > 0, np.array([0.7, 0.3, 0.25]), photo)
    mask = plate_difference(_scene(photo))
    assert iou(mask, DISC) > 0.93
    assert mask[(DISC == 0) & (shade[..., 0] > 0.5) & (rows > 105)].mean() < 0.1


def test_a_grey_object_on_grey_paper_is_no_shadow():
    """Darker with the paper's own tint, as a shadow, but it ends at an edge on all sides."""
    photo = np.where(DISC[..., None] > 0, 0.25, GREY)
    assert iou(plate_difference(_scene(photo)), DISC) > 0.9


def test_a_tinted_glow_that_fades_is_ground():
    glow = np.exp(-((rows - 100) ** 2 + (columns - 120) ** 2) / (2 * 15.0**2))[..., None]
    photo = np.where(DISC[..., None] > 0, np.array([0.2, 0.3, 0.8]), GREY + glow * np.array([0.05, 0.0, -0.04]))
    mask = plate_difference(_scene(photo))
    assert mask[(DISC == 0) & (columns > 125)].mean() < 0.15


@pytest.mark.parametrize("group", ["plain", "holes", "camouflaged"])
def test_made_up_photographs(group):
    case = make_case(3, group, "photograph", "test", (300, 400))
    photo = case.photo.astype(np.float32) / 255
    found = align_rgb(case.plate.astype(np.float32) / 255, photo)
    mask = plate_difference(Scene(photo, plate_background(photo, found)))
    assert iou(mask, case.alpha) > 0.88
