"""Each measure is a map of shares, and sees the fault it is made for."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.cutting.judge.scenes import dilated, eroded, made_up, shifted
from toprung.cutting.judge.evidence import gather
from toprung.cutting.judge.registry import load_measures
from toprung.cutting.judge.view import View
from toprung.cutting.scene import Background, Scene

MEASURES = load_measures()


@pytest.mark.parametrize("name", sorted(MEASURES))
@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (48, 64)])
def test_a_measure_is_a_map_of_shares(name: str, shape: tuple[int, int]) -> None:
    scene, alpha, _ = made_up(height=max(8, shape[0]), width=max(8, shape[1]))
    cut = tuple(slice(0, length) for length in shape)
    background = scene.background
    assert background is not None
    scene = Scene(
        scene.rgb[cut], Background(background.rgb[cut], background.sigma[cut], background.valid[cut], "plate")
    )
    evidence = gather(scene, {"a": alpha[cut], "b": np.zeros(shape, np.float32)})
    for one in evidence.alphas.values():
        found = MEASURES[name](View(evidence, one))
        assert found.shape == shape
        assert found.dtype == np.float32
        assert np.isfinite(found).all()
        assert found.min() >= 0
        assert found.max() <= 1


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("kept_background", "dilated"),
        ("kept_inside", "filled"),
        ("kept_shadow", "shadow"),
        ("lost", "eroded"),
        ("lost", "missing"),
        ("recomposition", "shifted"),
        ("recomposition", "dilated"),
        ("unsupported_outline", "missing"),
        ("specks", "specks"),
        ("softness", "blurred"),
        ("consensus", "shifted"),
        ("disagreement", "shifted"),
    ],
)
def test_a_measure_sees_its_fault(name: str, fault: str) -> None:
    scene, alpha, shadow = made_up()
    rng = np.random.default_rng(0)
    missing = alpha.copy()
    missing[:, 100:] = 0
    specks = alpha.copy()
    specks[rng.random(alpha.shape) > 0.98] = 1
    faulty = {
        "dilated": dilated(alpha, 3),
        "eroded": eroded(alpha, 3),
        "shifted": shifted(alpha, 4),
        "filled": np.maximum(alpha, cv2.morphologyEx(alpha, cv2.MORPH_CLOSE, np.ones((41, 41), np.uint8))),
        "shadow": np.maximum(alpha, (shadow > 0.2).astype(np.float32)),
        "missing": missing,
        "blurred": cv2.GaussianBlur(alpha, (0, 0), 6),
        "specks": specks,
    }[fault]
    evidence = gather(scene, {"truth": alpha, "near": shifted(alpha, 0.3), "faulty": faulty})
    truth, worse = (float(MEASURES[name](View(evidence, evidence.alphas[one])).mean()) for one in ("truth", "faulty"))
    assert worse > truth + 5e-4
