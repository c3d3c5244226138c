from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.pictures import make_pictures
from toprung.ladder.run import train

Sibling = Callable[..., Path]


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("pictures"), per_class=14)


def trained(pictures: Path, out: Path, model: str, **more: object) -> Path:
    settings = {"schedule.epochs": 1, "optimisation.batch_size": 8, "hardware.precision": "fp32"} | more
    train(pictures, model=model, weights="none", preset="quick", settings=settings, out=out, progress=False)
    return out


@pytest.fixture(scope="session")
def vit(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with val and without test."""
    return trained(pictures, tmp_path_factory.mktemp("vit") / "one", "test_vit")


@pytest.fixture(scope="session")
def resnet(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with BatchNorm, val and test."""
    return trained(pictures, tmp_path_factory.mktemp("resnet") / "one", "test_resnet", **{"data.test_fraction": 0.3})


@pytest.fixture
def sibling(tmp_path: Path) -> Sibling:
    """Copies a run under another name, its weights moved a little at random; it has stored no answers."""

    def make(run: Path, name: str, *, seed: int = 0, noise: float = 0.02) -> Path:
        copy = tmp_path / name
        shutil.copytree(run, copy)
        shutil.rmtree(copy / "predictions")
        file = copy / "model" / "model.safetensors"
        draw = torch.Generator().manual_seed(seed)
        moved = {
            key: value + noise * torch.randn(value.shape, generator=draw) * value.abs().mean()
            if value.is_floating_point() and not key.endswith("running_var")
            else value.clone()
            for key, value in load_file(file).items()
        }
        save_file(moved, copy / "new.safetensors")
        (copy / "new.safetensors").replace(file)
        return copy

    return make
