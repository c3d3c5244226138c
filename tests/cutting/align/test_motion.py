"""Motions: their parameters against finite differences, the choice of a model, the corners' error."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.cutting.align.motion import (
    MODELS,
    corner_error,
    corners_of,
    displacement_basis,
    expected_corner_error,
    from_corners,
    simplest_model,
    step_matrix,
    transform,
)

small = st.floats(-0.02, 0.02)
HEIGHT, WIDTH = 300, 400


@given(st.lists(small, min_size=8, max_size=8), st.integers(0, 2**31))
def test_the_basis_is_the_derivative_of_the_homography(parameters, seed):
    points = np.random.default_rng(seed).uniform(-0.7, 0.7, (5, 2))
    direction = np.array(parameters)
    step = 1e-5
    moved = transform(step_matrix(direction * step), points) - transform(step_matrix(-direction * step), points)
    assert np.allclose(moved / (2 * step), displacement_basis(points) @ direction, atol=1e-6)


@given(st.integers(0, 2**31))
def test_four_corners_make_the_homography(seed):
    rng = np.random.default_rng(seed)
    source = corners_of(HEIGHT, WIDTH)
    target = source + rng.uniform(-10, 10, (4, 2))
    assert np.abs(transform(from_corners(source, target), source) - target).max() < 1e-3


def _truth(model: str) -> np.ndarray:
    matrix = {
        "translation": [[1, 0, 7.5], [0, 1, -3], [0, 0, 1]],
        "similarity": [[1.01, -0.02, 4], [0.02, 1.01, 2], [0, 0, 1]],
        "affine": [[1.02, 0.01, 3], [-0.015, 0.98, 2], [0, 0, 1]],
        "homography": [[1.01, -0.01, 3], [0.01, 0.99, 2], [8e-5, -6e-5, 1]],
    }[model]
    return np.array(matrix, np.float64)


@pytest.mark.parametrize("model", list(MODELS))
def test_the_simplest_model_that_explains_the_corners_is_taken(model):
    """Corners measured to 0.2 px: the model that made them is named, and is nearer the truth than the raw corners."""
    source, deviation = corners_of(HEIGHT, WIDTH), 0.2
    target = transform(_truth(model), source)
    rng = np.random.default_rng(3)
    raw, chosen, names = [], [], []
    for _ in range(40):
        measured = from_corners(source, target + rng.normal(0, deviation, (4, 2)))
        choice = simplest_model(measured, np.eye(8) * deviation**2, source, 200)
        names.append(choice.model)
        raw.append(corner_error(measured, _truth(model), HEIGHT, WIDTH))
        chosen.append(corner_error(choice.matrix, _truth(model), HEIGHT, WIDTH))
    assert names.count(model) >= 36
    assert np.mean(chosen) <= np.mean(raw) + 1e-3
    # what is expected of the choice's corners is what is found
    assert np.mean(chosen) == pytest.approx(expected_corner_error(choice.covariance), rel=0.35)


def test_the_expected_error_is_rayleighs_mean():
    deviation = 0.5
    lengths = np.linalg.norm(np.random.default_rng(0).normal(0, deviation, (200_000, 2)), axis=1)
    assert expected_corner_error(np.eye(8) * deviation**2) == pytest.approx(lengths.mean(), rel=5e-3)


def test_corners_are_centres_of_pixels():
    image = np.zeros((4, 6), np.float32)
    image[3, 5] = 1
    shifted = cv2.warpPerspective(image, np.array([[1, 0, -2], [0, 1, -1], [0, 0, 1.0]]), (6, 4))
    assert shifted[2, 3] == 1
    assert corners_of(4, 6)[2].tolist() == [5, 3]
