"""Whole runs with a multi-sample head, a learnable resizer and adapters: they learn, resume, and predict as plain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from tests.cli.command_line import toprung
from tests.pictures import make_pictures
from toprung.errors import RecipeError
from toprung.evaluation.predictions import Predictions
from toprung.ladder.display import Silent
from toprung.ladder.rung import climb_rung, resume_rung
from toprung.runs.folder import RunFolder
from toprung.runs.model import load_model, read_card
from toprung.training.interrupt import Interrupted
from toprung.training.loop import Trainer
from toprung.training.losses import make_loss, mean_over_samples
from toprung.training.presets import preset
from toprung.training.recipe import Recipe
from toprung.training.start import starting_model
from toprung.training.state import load_state

ADDITIONS: dict[str, dict[str, Any]] = {
    "dropout": {"model.dropout_samples": 4, "model.drop_rate": 0.3},
    "resizer": {"model.resizer_size": 48},
    "lora": {"model.lora_rank": 4},
}
ADDITIONS["all"] = {key: value for one in list(ADDITIONS.values()) for key, value in one.items()}
SETTINGS: dict[str, Any] = {
    "model.name": "test_vit",
    "model.img_size": 32,
    "schedule.epochs": 3,
    "schedule.warmup_epochs": 0.0,
    "optimisation.batch_size": 6,
    "optimisation.lr": 3e-3,
    "averaging.ema_decay": 0.9,
    "hardware.precision": "fp32",
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("pictures"), per_class=12, side=56)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(4)
    file = tmp_path_factory.mktemp("weights") / "vit.safetensors"
    save_file(timm.create_model("test_vit", img_size=32, num_classes=3).state_dict(), file)
    return file


@pytest.fixture(scope="module", params=list(ADDITIONS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def run(kind: str, pictures: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run from the command line."""
    out = tmp_path_factory.mktemp("runs") / kind
    settings = SETTINGS | {"model.weights": str(weights)} | ADDITIONS[kind]
    done = toprung("train", pictures, "--preset=quick", "--out", out, *(f"--set={k}={v}" for k, v in settings.items()))
    assert done.code == 0, done.err
    return RunFolder.open(out)


def recipe_of(weights: Path | str, **more: Any) -> Recipe:
    return preset("quick", SETTINGS["model.name"]).with_settings(SETTINGS | {"model.weights": str(weights)} | more)


def test_it_learns(run: RunFolder) -> None:
    lines = [json.loads(line) for line in run.metrics_file.read_text().splitlines()]
    losses = [line["train_loss"] for line in lines if line["kind"] == "epoch"]
    assert losses[-1] < losses[0]


def test_predictions_of_the_saved_model_are_those_of_the_validation(run: RunFolder) -> None:
    """The best validation of the training model, and the prediction file of the saved one."""
    stored, best = Predictions.read(run.predictions_file("val")), load_state(run.last_file).progress
    accuracy = float((stored.logits.argmax(axis=1) == stored.labels).mean())
    loss = torch.nn.functional.cross_entropy(torch.from_numpy(stored.logits), torch.from_numpy(stored.labels))
    assert accuracy == pytest.approx(best.best_accuracy)
    assert float(loss) == pytest.approx(best.best_loss, abs=1e-5)


def test_the_saved_model_is_timms_own_or_has_a_resizer_before_it(run: RunFolder, kind: str) -> None:
    model, card = load_model(run.model)
    plain = timm.create_model("test_vit", img_size=32, num_classes=3)
    added = load_file(run.best_file).keys() - plain.state_dict().keys()
    assert bool(added) == (kind in ("resizer", "all"))
    assert all(name.startswith("resizer.") for name in added)
    assert type(model.get_classifier()) is torch.nn.Linear
    assert card.preprocessing.size == ((48, 48) if added else (32, 32))
    assert run.record()["parameters"] == sum(parameter.numel() for parameter in model.parameters())


def test_adapters_leave_what_they_freeze(run: RunFolder, kind: str, weights: Path) -> None:
    if kind not in ("lora", "all"):
        return
    before, after = load_file(weights), load_file(run.best_file)
    targets = {"qkv", "proj", "fc1", "fc2"}
    layers = [name for name in before if name.startswith("blocks.") and name.split(".")[-2] in targets]
    moved = {name for name in layers if name.endswith("weight")} | {"head.weight", "head.bias"}
    assert {name for name in before if not torch.equal(before[name], after[name])} == moved


def test_it_resumes_to_the_same_bits(
    run: RunFolder, kind: str, pictures: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = Trainer._finish_epoch

    def stop_after_the_first(self: Trainer, *args: Any) -> None:
        finish(self, *args)
        raise Interrupted("stopped")

    monkeypatch.setattr(Trainer, "_finish_epoch", stop_after_the_first)
    with pytest.raises(Interrupted):
        climb_rung(pictures, recipe_of(weights, **ADDITIONS[kind]), out=tmp_path / "r", runs=tmp_path, display=Silent())
    monkeypatch.undo()
    again = resume_rung(tmp_path / "r", display=Silent())
    one, other = load_state(run.last_file), load_state(again.last_file)
    assert one.model.keys() == other.model.keys()
    assert all(torch.equal(one.model[name], other.model[name]) for name in one.model)
    best, best_again = load_file(run.best_file), load_file(again.best_file)
    assert all(torch.equal(best[name], best_again[name]) for name in best)


@pytest.mark.parametrize("size", [None, 40, 48])
def test_weights_of_a_run_with_a_resizer(size: int | None, pictures: Path, weights: Path, tmp_path: Path) -> None:
    """Its backbone goes into any model; its resizer into one that has a resizer, whatever the size of the pictures."""
    first = climb_rung(
        pictures, recipe_of(weights, **ADDITIONS["resizer"]), out=tmp_path / "a", runs=tmp_path, display=Silent()
    )
    more: dict[str, Any] = {"schedule.epochs": 1, "optimisation.lr": 1e-12, "averaging.ema_decay": 0.0}
    if size:
        more["model.resizer_size"] = size
    second = climb_rung(pictures, recipe_of(first.path, **more), out=tmp_path / "b", runs=tmp_path, display=Silent())
    report = json.loads(second.load_report_file.read_text())
    one, other = load_file(first.best_file), load_file(second.best_file)
    theirs = [name for name in one if name.startswith("resizer.")]
    assert theirs
    for name in one.keys() & other.keys():
        if "running" not in name and "num_batches" not in name:
            assert torch.allclose(one[name], other[name], atol=1e-6), name
    if size is None:
        assert one.keys() - other.keys() == set(theirs)
        assert sorted(report["dropped"]) == sorted(
            [name, "learnable resizer, which only model.resizer_size takes"] for name in theirs
        )
    else:
        assert one.keys() == other.keys()
        assert report["dropped"] == []
        assert read_card(second.model).preprocessing.size == (size, size)
        assert read_card(second.model).arguments["resizer"] == {"out": [32, 32], "channels": 16, "blocks": 1}


def test_a_fresh_resizer_leaves_the_backbones_weights_as_they_were(
    pictures: Path, weights: Path, tmp_path: Path
) -> None:
    settings = recipe_of(weights, **ADDITIONS["resizer"]).model
    start = starting_model(settings, ("a", "b", "c"), seed=0, background=(255, 255, 255))
    plain = timm.create_model("test_vit", img_size=32, num_classes=3)
    plain.load_state_dict(load_file(weights))
    images = torch.randn(2, 3, 48, 48)
    small = torch.nn.functional.interpolate(images, (32, 32), mode="bilinear")
    np.testing.assert_array_equal(start.module.eval()(images).detach(), plain.eval()(small).detach())


def test_every_trained_parameter_gets_a_gradient_among_several_processes(weights: Path, tmp_path: Path) -> None:
    """In DistributedDataParallel, which raises for parameters that the loss does not reach."""
    from torch.nn.parallel import DistributedDataParallel

    settings = recipe_of(weights, **ADDITIONS["all"]).model
    model = starting_model(settings, ("a", "b", "c"), seed=0, background=(255, 255, 255)).module
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        parallel = DistributedDataParallel(model.train())
        targets = torch.eye(3)
        loss = mean_over_samples(make_loss("cross_entropy", focal_gamma=0))
        for _ in range(2):
            loss(parallel(torch.randn(3, 3, 48, 48)), targets).mean().backward()
    finally:
        torch.distributed.destroy_process_group()
    lacking = [name for name, p in model.named_parameters() if (p.grad is not None) != p.requires_grad]
    assert lacking == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"model.dropout_samples": 4}, "model.drop_rate = None is not allowed: it must be above 0"),
        ({"model.dropout_samples": -1}, "model.dropout_samples = -1"),
        ({"model.resizer_size": 0}, "model.resizer_size = 0"),
        ({"model.lora_rank": -1}, "model.lora_rank = -1"),
        ({"model.lora_rank": 4, "model.weights": "none"}, "model.lora_rank = 4 is not allowed: it must be 0 with"),
        ({"model.lora_targets": " , "}, "model.lora_targets"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        preset("quick").with_settings(settings)


def test_what_a_model_cannot_take_is_told_before_a_picture_is_opened(pictures: Path, tmp_path: Path) -> None:
    save_file(timm.create_model("test_resnet").state_dict(), tmp_path / "resnet.safetensors")
    done = toprung(
        *("train", pictures, "--model=test_resnet", "--weights", tmp_path / "resnet.safetensors"),
        *("--out", tmp_path / "run", "--set=model.lora_rank=4"),
    )
    assert done.code == 2
    assert "ResNet has no linear layers called qkv, proj, fc1, fc2" in done.err
    done = toprung(
        *("train", pictures, "--model=resnetv2_50", "--weights=none", "--out", tmp_path / "run"),
        *("--set=model.dropout_samples=4", "--set=model.drop_rate=0.3"),
    )
    assert done.code == 2
    assert "multi-sample dropout needs one linear classifier and ResNetV2 has Conv2d" in done.err
    assert not (tmp_path / "run").exists()
