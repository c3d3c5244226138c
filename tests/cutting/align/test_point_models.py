import cv2
import numpy as np
import pytest

from toprung.cutting.align.point_models import MODELS, PointModel, apply, fit_affine, fit_homography, fit_similarity

TURN = np.radians(7.0)
TRUTHS = {
    "translation": np.array([[1, 0, 12.5], [0, 1, -3.25], [0, 0, 1]]),
    "similarity": np.array(
        [[1.1 * np.cos(TURN), -1.1 * np.sin(TURN), 4], [1.1 * np.sin(TURN), 1.1 * np.cos(TURN), 9], [0, 0, 1]]
    ),
    "affine": np.array([[1.02, 0.05, 8], [-0.03, 0.96, -6], [0, 0, 1]]),
    "homography": np.array([[1.02, 0.05, 8], [-0.03, 0.96, -6], [1e-4, -5e-5, 1]]),
}


def places(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 400, (count, 2))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_the_fewest_pairs_give_the_transform_exactly(model: PointModel) -> None:
    points = places(model.needed)
    matrix = model.fit(points, apply(TRUTHS[model.name], points))
    assert matrix is not None
    np.testing.assert_allclose(matrix, TRUTHS[model.name], atol=1e-7)


@pytest.mark.parametrize("free", range(4))
def test_a_freer_model_holds_the_simpler_ones(free: int) -> None:
    points = places(9)
    for truth in [TRUTHS[model.name] for model in MODELS[: free + 1]]:
        matrix = MODELS[free].fit(points, apply(truth, points))
        assert matrix is not None
        np.testing.assert_allclose(apply(matrix, points), apply(truth, points), atol=1e-6)


def test_the_homography_of_noisy_points_is_opencvs_least_squares() -> None:
    points = places(20)
    noisy = apply(TRUTHS["homography"], points) + np.random.default_rng(1).normal(0, 1, (20, 2))
    ours, theirs = fit_homography(points, noisy), cv2.findHomography(points, noisy, 0)[0]
    assert ours is not None
    np.testing.assert_allclose(apply(ours, points), apply(theirs, points), atol=0.01)
    squares = [float(((apply(matrix, points) - noisy) ** 2).sum()) for matrix in (ours, theirs)]
    assert squares[0] <= squares[1] * (1 + 1e-9)


def test_the_similarity_of_noisy_points_is_the_least_of_its_neighbours() -> None:
    points = places(8)
    noisy = apply(TRUTHS["similarity"], points) + np.random.default_rng(2).normal(0, 1, (8, 2))
    best = fit_similarity(points, noisy)
    assert best is not None

    def squares(matrix: np.ndarray) -> float:
        return float(((apply(matrix, points) - noisy) ** 2).sum())

    for step in np.random.default_rng(3).normal(0, 1e-3, (20, 4)):
        nudge = np.array([[step[0], -step[1], step[2]], [step[1], step[0], step[3]], [0, 0, 0]])
        assert squares(best) < squares(best + nudge)


def test_points_that_do_not_fix_a_transform_give_none() -> None:
    same, line = np.full((5, 2), 7.0), np.stack([np.arange(5.0), 2 * np.arange(5.0)], axis=1)
    assert fit_similarity(same, places(5)) is None
    assert fit_affine(line, places(5)) is None
    assert fit_homography(line, line) is None
    assert fit_homography(same, same) is None
    three_on_a_line = np.array([[0, 0], [10, 0], [20, 0], [5, 9.0]])
    assert fit_homography(three_on_a_line, three_on_a_line) is None
