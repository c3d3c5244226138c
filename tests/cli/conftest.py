from __future__ import annotations

from pathlib import Path

import pytest

from tests.pictures import make_pictures
from toprung.ladder.run import Run, train


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("pictures"), per_class=14)


@pytest.fixture(scope="session")
def run(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    settings = {"schedule.epochs": 2, "optimisation.batch_size": 8, "hardware.precision": "fp32"}
    out = tmp_path_factory.mktemp("runs") / "small"
    return train(pictures, model="test_vit", weights="none", preset="quick", settings=settings, out=out, progress=False)
