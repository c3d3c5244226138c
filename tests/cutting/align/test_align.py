"""Aligning made-up plates whose motion is known."""

import cv2
import numpy as np
import pytest
from benchmarks.cutout_cases import make_case
from benchmarks.cutout_cases.surfaces import clutter, paper

import toprung
from toprung.cutting.align.motion import corner_error
from toprung.errors import CutoutError

HEIGHT, WIDTH = 240, 320


def _pair(matrix: np.ndarray, ground: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return plate and photo of one ground without noise: the photo is the plate moved by ``matrix``."""
    offset = np.array([[1.0, 0, -40], [0, 1, -40], [0, 0, 1]])
    flags = cv2.INTER_LANCZOS4
    plate = cv2.warpPerspective(ground, offset, (WIDTH, HEIGHT), flags=flags)
    photo = cv2.warpPerspective(ground, matrix @ offset, (WIDTH, HEIGHT), flags=flags)
    return np.clip(plate, 0, 1), np.clip(photo, 0, 1)


def _ground(seed: int) -> np.ndarray:
    picture = clutter(np.random.default_rng(seed), HEIGHT + 80, WIDTH + 80)
    return cv2.GaussianBlur(picture, (0, 0), 1.5)


@pytest.mark.parametrize(
    "matrix",
    [
        [[1, 0, 6.3], [0, 1, -4.6], [0, 0, 1]],
        [[1.015, -0.02, 3.2], [0.02, 1.015, -1.7], [0, 0, 1]],
        [[1.01, -0.012, 2.1], [0.014, 0.99, 1.4], [4e-5, -3e-5, 1]],
    ],
    ids=["shift", "turn and zoom", "perspective"],
)
def test_without_noise_it_is_exact_to_a_twentieth_of_a_pixel(matrix):
    truth = np.array(matrix, np.float64)
    found = toprung.align(*_pair(truth, _ground(1)))
    assert found.ok
    assert corner_error(found.matrix, truth, HEIGHT, WIDTH) < 0.05


def test_a_plate_of_another_size_is_aligned():
    truth = np.array([[1.01, -0.012, 2.1], [0.014, 0.99, 1.4], [0, 0, 1]])
    plate, photo = _pair(truth, _ground(2))
    larger = cv2.resize(plate, (WIDTH * 2, HEIGHT * 2), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    scale = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])  # the centre of a pixel stays the centre
    found = toprung.align(larger, photo)
    assert found.ok
    assert corner_error(found.matrix, truth @ scale, 2 * HEIGHT, 2 * WIDTH) < 0.3


@pytest.mark.parametrize("group", ["plain", "holes", "thin"])
def test_an_object_shadow_noise_and_jpeg_do_not_pull_it_away(group):
    case = make_case(11, group, "photograph", "test", (300, 400))
    found = toprung.align(case.plate, case.photo)
    assert found.ok
    assert corner_error(found.matrix, case.matrix, 300, 400) < 0.3
    assert found.expected_error_px < 0.5


def test_the_corrected_plate_is_the_photo_where_there_is_no_object():
    case = make_case(12, "plain", "photograph", "test", (300, 400))
    found = toprung.align(case.plate, case.photo)
    far = cv2.dilate(case.alpha, np.ones((61, 61))) == 0  # beyond the shadow as well
    assert np.median(found.residual[far & found.valid]) < 3.5 / 255


@pytest.mark.parametrize("seed", range(3))
def test_plates_of_other_scenes_are_refused(seed):
    plate = _pair(np.eye(3), _ground(20 + seed))[0]
    photo = _pair(np.eye(3), _ground(40 + seed))[1]
    found = toprung.align(plate, photo)
    assert found.status == "not aligned"
    assert found.aligned is None and found.reason


def test_paper_without_structure_is_refused():
    rng = np.random.default_rng(5)
    sheet = np.full((HEIGHT, WIDTH, 3), 0.6)
    noisy = [np.clip(sheet + rng.normal(0, 0.01, sheet.shape), 0, 1).astype(np.float32) for _ in range(2)]
    assert not toprung.align(*noisy).ok


def test_rough_paper_is_aligned_where_there_are_no_corners():
    ground = paper(np.random.default_rng(8), HEIGHT + 80, WIDTH + 80, "kraft")
    truth = np.array([[1.01, -0.015, 4.0], [0.015, 1.01, -3.0], [0, 0, 1]])
    found = toprung.align(*_pair(truth, ground))
    assert found.ok
    assert corner_error(found.matrix, truth, HEIGHT, WIDTH) < 0.3


def test_the_mean_of_the_corners_is_kept_as_a_baseline():
    case = make_case(13, "plain", "photograph", "test", (300, 400))
    baseline = toprung.align(case.plate, case.photo, method="corners")
    best = toprung.align(case.plate, case.photo)
    assert baseline.model == "translation" and np.array_equal(baseline.matrix[:2, :2], np.eye(2))
    errors = [corner_error(found.matrix, case.matrix, 300, 400) for found in (best, baseline)]
    assert errors[0] < errors[1]


def test_an_unknown_method_is_one_sentence():
    with pytest.raises(CutoutError, match="No method of alignment is called 'sift'"):
        toprung.align(np.zeros((40, 40, 3)), np.zeros((40, 40, 3)), method="sift")


def test_the_same_pictures_give_the_same_bits():
    case = make_case(14, "plain", "paper", "test", (200, 260))
    one, two = (toprung.align(case.plate, case.photo) for _ in range(2))
    assert np.array_equal(one.matrix, two.matrix) and one.expected_error_px == two.expected_error_px
