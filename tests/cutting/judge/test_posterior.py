from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cutting.judge.scenes import made_up
from toprung.cutting.judge.evidence import gather, median
from toprung.cutting.judge.faults import TOO_LITTLE, TOO_MUCH, faults
from toprung.cutting.judge.features import FEATURES, lasting_features, passing_features
from toprung.cutting.judge.fitted import Fitted, fitted
from toprung.cutting.judge.network import Network
from toprung.cutting.judge.place import worst_place
from toprung.cutting.judge.posterior import CENTRES, Posterior, ask
from toprung.cutting.judge.verdict import grade
from toprung.cutting.judge.view import View


def test_the_expected_error_under_a_known_truth_is_the_error() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, len(CENTRES), (6, 7))
    probabilities = np.eye(len(CENTRES), dtype=np.float32)[truth.ravel()].T
    posterior = Posterior(np.ascontiguousarray(probabilities), (6, 7))
    alpha = rng.random((6, 7), dtype=np.float32)
    off = alpha - CENTRES[truth]
    assert posterior.too_much(alpha) == pytest.approx(off.clip(0), abs=1e-6)
    assert posterior.too_little(alpha) == pytest.approx((-off).clip(0), abs=1e-6)
    assert posterior.error(alpha) == pytest.approx(float(np.abs(off).mean()), abs=1e-6)
    assert posterior.mean == pytest.approx(CENTRES[truth], abs=1e-6)


def test_the_network_is_the_one_that_torch_would_run() -> None:
    import torch

    rng = np.random.default_rng(1)
    sizes = (5, 7, 4, 3)
    stored = [
        {"weights": rng.normal(size=(b, a)).tolist(), "bias": rng.normal(size=b).tolist()}
        for a, b in itertools.pairwise(sizes)
    ]
    features = rng.normal(size=(5, 20_000)).astype(np.float32)
    values = torch.tensor(features.T)
    for depth, layer in enumerate(stored):
        values = torch.nn.functional.linear(values, torch.tensor(layer["weights"]), torch.tensor(layer["bias"]))
        values = values.relu() if depth < 2 else values.softmax(1)
    assert Network.read(stored)(features) == pytest.approx(values.numpy().T, abs=1e-5)


def test_what_is_stored_fits_the_features() -> None:
    scene, alpha, _ = made_up(height=40, width=50)
    evidence = gather(scene, {"a": alpha})
    maps = lasting_features(evidence) + passing_features(evidence, alpha, alpha)
    assert len(maps) == len(FEATURES)
    for network in fitted().rounds:
        assert network.layers[0][0].shape[1] == len(FEATURES)
        assert len(network.layers[-1][0]) == len(CENTRES)


def test_the_posterior_mean_is_near_the_truth() -> None:
    scene, alpha, _ = made_up()
    posterior = ask(gather(scene, {"a": alpha, "b": np.clip(alpha * 1.1, 0, 1)}), fitted().rounds)
    assert posterior.probabilities.sum(0) == pytest.approx(np.ones(alpha.size), abs=1e-4)
    assert float(np.abs(posterior.mean - alpha).mean()) < 0.01


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_calibration_keeps_the_order_and_stays_within_its_interval(raws: list[float]) -> None:
    one = fitted()
    judged = [one.calibrated(raw) for raw in sorted(raws)]
    expected = [value for value, _ in judged]
    assert expected == sorted(expected)
    for value, (low, high) in judged:
        assert 0 <= low <= value <= high <= 1


def test_calibration_reads_the_line() -> None:
    line = Fitted((), (-6.0, -2.0), (-5.0, -3.0), (-0.5, -0.5), (0.5, 0.5))
    middle, (low, high) = line.calibrated(float(np.exp(-4) - 2e-4))
    assert middle == pytest.approx(np.exp(-4) - 2e-4)
    assert low == pytest.approx(np.exp(-4.5) - 2e-4)
    assert high == pytest.approx(np.exp(-3.5) - 2e-4)


def test_faults_add_up_for_any_alpha() -> None:
    scene, alpha, _ = made_up(height=60, width=80)
    evidence = gather(scene, {"a": alpha, "b": np.ones_like(alpha)})
    posterior = ask(evidence, fitted().rounds)
    for one in evidence.alphas.values():
        view = View(evidence, one)
        parts = faults(view, posterior.too_much(one), posterior.too_little(one))
        assert list(parts) == [fault.name for fault in TOO_MUCH + TOO_LITTLE]
        assert sum(parts.values()) == pytest.approx(posterior.error(one), rel=1e-4)


def test_the_worst_place_is_where_the_errors_are() -> None:
    scene, alpha, _ = made_up(height=100, width=120)
    evidence = gather(scene, {"a": alpha})
    errors = np.zeros((100, 120), np.float32)
    assert worst_place(errors, evidence) is None
    errors[20:30, 60:90] = 1
    errors[80:82, 10:12] = 1
    assert worst_place(errors, evidence) == pytest.approx((60, 20, 30, 10), abs=2)


@pytest.mark.parametrize(
    ("expected", "share", "status"),
    [
        (0.005, 0.3, "good"),
        (0.03, 0.3, "check"),
        (0.08, 0.3, "failed"),
        (0.003, 0.02, "check"),
        (0.01, 0.02, "failed"),
        (0.001, 0.0, "check"),
        (0.2, 0.0, "failed"),
        (0.001, 1.0, "check"),
    ],
)
def test_grades(expected: float, share: float, status: str) -> None:
    assert grade(expected, share) == status


def test_the_median_is_numpys() -> None:
    rng = np.random.default_rng(0)
    for count in (1, 2, 5, 8):
        alphas = [rng.random((4, 5), dtype=np.float32) for _ in range(count)]
        assert median(alphas) == pytest.approx(np.median(alphas, axis=0))


def test_shadow_is_forgiven_and_colour_is_not() -> None:
    """A photo of half the light is the background in shadow at any brightness; one of another hue is not."""
    from toprung.cutting.scene import Background, Scene

    ramp = np.linspace(0.05, 0.9, 64, dtype=np.float32)
    plate = np.stack([ramp, 0.8 * ramp, 0.5 * ramp], 1)[None].repeat(20, 0)
    light = np.where(plate <= 0.04045, plate / 12.92, ((plate + 0.055) / 1.055) ** 2.4) * 0.5
    dark = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)
    background = Background(plate, np.full(plate.shape[:2], 0.01, np.float32), np.ones(plate.shape[:2], bool), "plate")
    full = {"full": np.ones(plate.shape[:2], np.float32)}
    shaded = gather(Scene(dark, background), full)
    assert shaded.tolerant_distance.max() < 1
    assert shaded.distance[:, 10:].min() > 3
    tinted = gather(Scene(plate[..., ::-1].copy(), background), full)
    assert tinted.tolerant_distance[:, 10:].min() > 3
