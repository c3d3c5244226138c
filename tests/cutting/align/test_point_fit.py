import numpy as np
import pytest

from tests.cutting.align.test_point_models import TRUTHS
from toprung.cutting.align.point_fit import clicking_noise, fit_points
from toprung.cutting.align.point_models import apply
from toprung.cutting.align.points import PointPairs

SHAPE = (750, 1000)
CORNERS = np.array([[0, 0], [999, 0], [0, 749], [999, 749]], np.float64)


def clicked(truth: np.ndarray, count: int, *, noise: float, wrong: int = 0, seed: int = 0) -> PointPairs:
    random = np.random.default_rng(seed)
    plate = random.uniform([60, 60], [940, 690], (count, 2))
    photo = apply(truth, plate) + random.normal(0, noise, (count, 2))
    photo[:wrong] += random.uniform(30, 90, (wrong, 2))
    return PointPairs(plate, photo)


def hand_held(seed: int) -> np.ndarray:
    """Return a similarity of two photos from the hand: about 1° and 1.5 %."""
    random = np.random.default_rng(seed)
    turn = (1 + random.normal(0, 0.015)) * np.exp(1j * random.normal(0, np.radians(1)))
    shift = random.normal(0, 10, 2)
    return np.array([[turn.real, -turn.imag, shift[0]], [turn.imag, turn.real, shift[1]], [0, 0, 1.0]])


def corner_error(matrix: np.ndarray, truth: np.ndarray) -> float:
    there = apply(np.linalg.inv(truth), CORNERS)
    return float(np.hypot(*(apply(matrix, there) - CORNERS).T).mean())


@pytest.mark.parametrize("name", TRUTHS)
def test_exact_pairs_give_the_exact_transform_and_its_model(name: str) -> None:
    fit = fit_points(clicked(TRUTHS[name], 8, noise=0), SHAPE, SHAPE)
    assert fit.model == name
    assert fit.agreeing.all()
    assert not fit.problem
    assert corner_error(fit.matrix, TRUTHS[name]) < 1e-6


@pytest.mark.parametrize("name", TRUTHS)
def test_noisy_pairs_choose_the_true_model(name: str) -> None:
    models = [fit_points(clicked(TRUTHS[name], 12, noise=0.7, seed=seed), SHAPE, SHAPE).model for seed in range(10)]
    assert models.count(name) >= 7


@pytest.mark.parametrize(("count", "wrong"), [(5, 1), (8, 2), (12, 4), (60, 20)])
def test_pairs_that_do_not_belong_are_left_out(count: int, wrong: int) -> None:
    truth = TRUTHS["similarity"]
    fit = fit_points(clicked(truth, count, noise=0.4, wrong=wrong, seed=3), SHAPE, SHAPE)
    assert fit.agreeing.tolist() == [False] * wrong + [True] * (count - wrong)
    assert (fit.errors[:wrong] > 20).all()
    assert corner_error(fit.matrix, truth) < 2


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 12])
def test_the_expected_error_is_that_found_over_many_hands(count: int) -> None:
    fits = [
        (fit_points(clicked(hand_held(seed), count, noise=0.7, seed=seed), SHAPE, SHAPE), seed) for seed in range(40)
    ]
    found = np.mean([corner_error(fit.matrix, hand_held(seed)) for fit, seed in fits])
    expected = np.mean([fit.expected_error_px for fit, _ in fits])
    assert 0.6 * found < expected < 5 * found  # the prior expects tilts too, which these do not have


def test_one_pair_is_a_shift_that_does_not_claim_to_know_the_turn() -> None:
    one = fit_points(clicked(np.eye(3), 1, noise=0), SHAPE, SHAPE)
    many = fit_points(clicked(np.eye(3), 12, noise=0.5), SHAPE, SHAPE)
    assert one.model == "translation"
    assert one.expected_error_px > 10
    assert many.expected_error_px < 4


def test_pairs_that_coincide_or_lie_on_a_line_are_still_a_transform() -> None:
    point = np.full((6, 2), 300.0)
    assert fit_points(PointPairs(point, point + 5), SHAPE, SHAPE).model == "translation"
    line = np.stack([np.linspace(100, 900, 6), np.linspace(100, 600, 6)], axis=1)
    fit = fit_points(PointPairs(line, apply(TRUTHS["similarity"], line)), SHAPE, SHAPE)
    assert fit.model == "similarity"
    assert corner_error(fit.matrix, TRUTHS["similarity"]) < 1e-6


def test_the_same_pairs_give_the_same_fit() -> None:
    pairs = clicked(TRUTHS["homography"], 40, noise=1, wrong=5)
    first, second = fit_points(pairs, SHAPE, SHAPE), fit_points(pairs, SHAPE, SHAPE)
    np.testing.assert_array_equal(first.matrix, second.matrix)


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (np.array([[-1, 0, 999], [0, 1, 0], [0, 0, 1.0]]), "like a mirror"),
        (np.array([[20, 0, -9000], [0, 20, -7000], [0, 0, 1.0]]), "change the plate's size"),
        (np.array([[2.5, 0, -700], [0, 0.5, 100], [0, 0, 1.0]]), "stretch the plate"),
        (np.array([[1, 0, 990], [0, 1, 0], [0, 0, 1.0]]), "covers 1% of the photo"),
        (np.array([[1, 0, 0], [0, 1, 0], [-0.002, 0, 1.0]]), "through infinity"),
    ],
    ids=["mirror", "size", "stretch", "apart", "infinity"],
)
def test_nonsense_is_refused(matrix: np.ndarray, words: str) -> None:
    plate = np.random.default_rng(0).uniform([50, 50], [480, 690], (12, 2))
    fit = fit_points(PointPairs(plate, apply(matrix, plate)), SHAPE, SHAPE)
    assert words in fit.problem
    assert fit.expected_error_px == np.inf


def test_pairs_without_a_common_transform_are_refused() -> None:
    random = np.random.default_rng(5)
    pairs = PointPairs(random.uniform(50, 700, (9, 2)), random.uniform(50, 700, (9, 2)))
    assert "pairs agree with one transform" in fit_points(pairs, SHAPE, SHAPE).problem


def test_large_photos_are_clicked_less_exactly() -> None:
    assert clicking_noise((100, 100), (750, 1000)) == 0.7
    assert clicking_noise((4000, 6000), (100, 100)) == 2.8
