"""Views and tiles around a fused model whose members have inputs of different sizes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import toprung
from tests.pictures import make_pictures
from toprung.data.input_source import InputSource
from toprung.data.tile_inputs import LargePicture, tile_inputs
from toprung.data.view_inputs import view_inputs
from toprung.data.views import plan_views
from toprung.evaluation.predictions import softmax
from toprung.images.tiles import cover
from toprung.ladder.run import Run
from toprung.runs.classifier import Classifier
from toprung.runs.fused import FusedClassifier
from toprung.runs.tiled import TiledClassifier
from toprung.runs.viewed import ViewedClassifier


@pytest.fixture(scope="module")
def fused(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("fused")
    pictures = make_pictures(folder / "pictures", per_class=12)
    common = {"model.name": "test_resnet", "model.weights": "none", "hardware.precision": "fp32"}
    for name, size in (("small", 32), ("large", 48)):
        settings = {**common, "model.img_size": size, "schedule.epochs": 1, "data.test_fraction": 0.2}
        toprung.train(pictures, preset="quick", settings=settings, out=folder / name, progress=False)
    members = [folder / "small", folder / "large"]
    return toprung.fuse(members, method="mean-probabilities", tempered=False, out=folder / "both", progress=False)


def combined(fused: FusedClassifier, folder: Path, inputs: Sequence[InputSource]) -> NDArray[np.float64]:
    """Ask each member by itself and fuse by hand: ``(V, C)`` probabilities of the inputs."""
    said = [Classifier.open(folder / name / "model", "cpu").logits(inputs) for name in ("small", "large")]
    return softmax(fused.card.fusion.combine(said))


@pytest.mark.parametrize("keeps_members", [True, False])
def test_each_member_makes_the_views_that_fit_it(fused: Run, keeps_members: bool) -> None:
    files = [Path(path) for path in fused.predictions("test").paths]
    opened = FusedClassifier.open(fused.path / "model", "cpu")
    opened.keeps_members = keeps_members
    found = np.exp(ViewedClassifier(opened, ("ten-crop",)).logits(files, batch_size=3))
    for file, shares in zip(files, found, strict=True):
        views = view_inputs(file, plan_views(["ten-crop"]))
        assert shares == pytest.approx(combined(opened, fused.path.parent, views).mean(axis=0), abs=1e-4)


def test_tiles_of_a_fused_model(fused: Run) -> None:
    files = [Path(path) for path in fused.predictions("test").paths]
    opened = FusedClassifier.open(fused.path / "model", "cpu")
    tiling = toprung.Tiling(16, overlap=0.5, merge="max", with_whole=True)
    found = np.exp(TiledClassifier(opened, tiling).logits(files, batch_size=2))
    for file, shares in zip(files, found, strict=True):
        picture = LargePicture(file)
        grid = cover(picture.height, picture.width, 16, 0.5)
        said = combined(opened, fused.path.parent, tile_inputs(picture, grid, with_whole=True))
        surest = said[:-1].max(axis=0)
        assert shares == pytest.approx((surest / surest.sum() + said[-1]) / 2, abs=1e-4)


def test_validate_tells_the_gain_of_a_fused_run(fused: Run) -> None:
    scores = fused.validate(split="test", views=("flip",))
    assert scores["gain"]["plain"] == pytest.approx(fused.scores["test"]["accuracy"]["value"])
    assert scores["gain"]["accuracy"] == scores["accuracy"]["value"]
