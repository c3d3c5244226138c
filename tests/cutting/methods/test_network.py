"""A network's filled hole is opened where the background is known."""

from pathlib import Path

import numpy as np
import pytest

from toprung.cutting.methods import network
from toprung.cutting.methods.materials import Materials
from toprung.cutting.scene import Background

SIDE = 200
rows, columns = np.mgrid[:SIDE, :SIDE]
DISTANCE = np.hypot(rows - 100, columns - 100)
RING = ((DISTANCE < 70) & (DISTANCE > 30)).astype(np.float32)


def _materials(known: bool) -> Materials:
    ground = np.full((SIDE, SIDE, 3), (0.75, 0.7, 0.6), np.float32)
    photo = np.where(RING[..., None] > 0, np.float32((0.2, 0.3, 0.6)), ground)
    photo = (photo + np.random.default_rng(0).normal(0, 0.005, photo.shape)).clip(0, 1).astype(np.float32)
    sigma = np.full((SIDE, SIDE), 0.006, np.float32)
    plate = Background(ground, sigma, np.ones((SIDE, SIDE), bool), "plate") if known else None
    return Materials(photo, "ring", plate, model=Path("any.onnx"))


@pytest.fixture
def filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that sees a disc where a ring is."""
    monkeypatch.setattr(network, "OnnxMasker", lambda model: lambda scene: (DISTANCE < 70).astype(np.float32))


@pytest.mark.usefixtures("filled")
def test_the_hole_of_a_tape_roll_is_opened() -> None:
    alpha = network.network(_materials(True))
    assert alpha is not None
    assert alpha[DISTANCE < 25].max() < 0.1
    assert np.abs(alpha - RING).mean() < 0.01


def test_without_a_model_it_does_not_apply() -> None:
    assert network.network(Materials(np.zeros((20, 20, 3), np.float32), "none")) is None
