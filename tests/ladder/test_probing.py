from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from timm.models.resnet import ResNet

import toprung
from tests.cli.command_line import toprung as command
from tests.pictures import make_pictures
from toprung.errors import ModelError, RecipeError, WeightsMismatch
from toprung.evaluation.predictions import Predictions
from toprung.ladder.board import read_board
from toprung.ladder.run import Run
from toprung.models.heads import head_kinds
from toprung.runs.model import load_model, read_card, write_card
from toprung.training.interrupt import Interrupted

SETTINGS = {"model.img_size": 32, "data.test_fraction": 0.2, "probe.hidden": 24, "optimisation.batch_size": 8}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("pictures"), per_class=15)


def _probe(pictures: Path, runs: Path, name: str, weights: object = "none", **settings: object) -> Run:
    changed = {key.replace("__", "."): value for key, value in settings.items()}
    return toprung.train(
        pictures,
        model="test_resnet",
        weights=str(weights),
        preset="probe",
        settings=SETTINGS | changed,
        out=runs / name,
        progress=False,
    )


@pytest.fixture(scope="module")
def runs(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A probe with each head, and one with all of them."""
    runs = tmp_path_factory.mktemp("runs")
    for kind in (*head_kinds(), "all"):
        _probe(pictures, runs, kind, probe__head=kind)
    return runs


@pytest.fixture
def forwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The size of each batch that goes through the network; single pictures are its trials."""
    seen: list[int] = []
    forward = ResNet.forward

    def counted(self: ResNet, inputs: torch.Tensor) -> torch.Tensor:
        if len(inputs) > 1:
            seen.append(len(inputs))
        return forward(self, inputs)

    monkeypatch.setattr(ResNet, "forward", counted)
    yield seen


def _trunk(file: Path) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in load_file(file).items() if not name.startswith("fc.")}


@pytest.mark.parametrize("kind", head_kinds())
def test_the_saved_model_repeats_the_stored_predictions(runs: Path, kind: str) -> None:
    run = Run(runs / kind)
    assert run.record["status"] == "finished"
    for split in ("val", "test"):
        stored = run.predictions(split)
        answers = run.predict(list(stored.paths))
        shares = [[answer.probabilities[name] for name in stored.classes] for answer in answers]
        np.testing.assert_allclose(shares, stored.probabilities, atol=2e-5)
    assert run.scores["test"]["accuracy"]["value"] >= 0.6


@pytest.mark.parametrize("kind", head_kinds())
def test_every_verb_takes_the_run(runs: Path, pictures: Path, tmp_path: Path, kind: str) -> None:
    done = command("predict", runs / kind, pictures / "red", "-o", tmp_path / "red.csv")
    assert done.code == 0, done.err
    assert len((tmp_path / "red.csv").read_text().splitlines()) == 16
    assert command("validate", runs / kind, pictures).code == 0
    assert command("report", runs / kind).code == 0
    page = (runs / kind / "report.html").read_text()
    assert 'id="heads"' in page
    assert "No epoch was recorded" not in page
    assert "Not all of the run folder could be read" not in page


def test_the_trunk_stays_bit_for_bit_as_it_was(runs: Path, pictures: Path, tmp_path: Path) -> None:
    start = runs / "linear" / "model" / "model.safetensors"
    for kind in head_kinds():
        run = _probe(pictures, tmp_path, kind, weights=start, probe__head=kind)
        before, after = _trunk(start), _trunk(run.path / "model" / "model.safetensors")
        assert before.keys() == after.keys()
        assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_linear_probe_is_a_plain_timm_model(runs: Path) -> None:
    card = read_card(runs / "linear" / "model")
    assert "head" not in card.arguments
    module, _ = load_model(runs / "linear" / "model")
    assert type(module) is ResNet
    assert type(module.fc) is torch.nn.Linear


def test_of_all_heads_the_best_on_validation_is_kept_and_the_run_says_so(runs: Path) -> None:
    run = Run(runs / "all")
    heads = {one["head"]: one for one in run.record["probe"]["heads"]}
    assert tuple(heads) == head_kinds()
    best = min(heads.values(), key=lambda one: (-one["val_accuracy"], one["val_log_loss"]))
    assert run.record["probe"]["head"] == best["head"]
    assert run.scores["val"]["accuracy"]["value"] == pytest.approx(best["val_accuracy"])
    assert run.scores["val"]["log_loss"]["value"] == pytest.approx(best["val_log_loss"], rel=1e-5)
    assert run.record["selection"].startswith("val accuracy among the heads elm, knn, linear, mlp")
    alone = Run(runs / best["head"]).predictions("test")
    assert np.array_equal(run.predictions("test").logits, alone.logits)


def test_the_board_ranks_probes_and_is_not_confused_by_the_features(runs: Path) -> None:
    assert (runs / ".features").is_dir()
    rows = read_board(runs)
    assert sorted(row.name for row in rows) == sorted((*head_kinds(), "all"))
    assert all(row.status == "finished" and row.split == "test" for row in rows)


def test_a_second_probe_of_the_same_network_computes_no_feature(
    pictures: Path, tmp_path: Path, forwards: list[int]
) -> None:
    _probe(pictures, tmp_path, "first", probe__head="linear")
    assert sum(forwards) == 45
    forwards.clear()
    second = _probe(pictures, tmp_path, "second", probe__head="knn,elm")
    assert forwards == []
    assert second.record["probe"]["features"] == {"needed": 45, "computed": 0, "seconds": pytest.approx(0, abs=60)}
    _probe(pictures, tmp_path, "other-weights", seed=1, probe__head="linear")
    assert sum(forwards) == 45


def test_new_pictures_alone_are_computed(tmp_path: Path, forwards: list[int]) -> None:
    """Another split of the same pictures needs none; more pictures need theirs."""
    pictures = make_pictures(tmp_path / "pictures", per_class=6)
    weights = _probe(pictures, tmp_path / "a", "start", probe__head="knn").path / "model" / "model.safetensors"
    runs = tmp_path / "b"
    _probe(pictures, runs, "first", weights=weights, probe__head="knn")
    forwards.clear()
    _probe(pictures, runs, "other-split", weights=weights, probe__head="knn", seed=5)
    assert forwards == []
    for number, colour in enumerate(("red", "green")):
        more = make_pictures(tmp_path / "more", per_class=1, seed=9 + number) / colour / "0.png"
        more.rename(pictures / colour / "new.png")
    _probe(pictures, runs, "more", weights=weights, probe__head="knn")
    assert sum(forwards) == 2


def test_views_widen_the_training_pictures_alone(pictures: Path, tmp_path: Path, forwards: list[int]) -> None:
    run = _probe(pictures, tmp_path, "views", probe__head="knn", probe__views=3)
    train = run.table().splits.count("train")
    assert sum(forwards) == 45 + 2 * train
    spec = read_card(run.path / "model").arguments["head"]
    assert spec["samples"] == 3 * train
    bank = load_file(run.path / "model" / "model.safetensors")["fc.bank"].view(3, train, -1)
    assert not torch.allclose(bank[0], bank[1])
    assert not torch.allclose(bank[1], bank[2])
    forwards.clear()
    again = _probe(pictures, tmp_path, "again", probe__head="knn", probe__views=3)
    assert forwards == []
    assert torch.equal(load_file(again.path / "model" / "model.safetensors")["fc.bank"].view_as(bank), bank)


def test_an_interrupted_probe_goes_on_where_it_stopped(
    pictures: Path, tmp_path: Path, forwards: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _probe(pictures, tmp_path / "whole", "run", probe__head="linear")
    forwards.clear()
    counted = ResNet.forward

    def interrupting(self: ResNet, inputs: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = counted(self, inputs)
        if sum(forwards) == 24:
            os.kill(os.getpid(), signal.SIGINT)
        return result

    with monkeypatch.context() as patch:
        patch.setattr(ResNet, "forward", interrupting)
        with pytest.raises(Interrupted, match=r"24 of 45 pictures; continue with: toprung train --resume"):
            _probe(pictures, tmp_path, "run", probe__head="linear")
    assert Run(tmp_path / "run").record["status"] == "interrupted"
    done = command("train", "--resume", tmp_path / "run")
    assert done.code == 0, done.err
    assert "24 of 45 pictures from the cache" in done.out
    assert sum(forwards) == 45
    first, second = (Predictions.read(path / "predictions" / "test.npz") for path in (whole.path, tmp_path / "run"))
    np.testing.assert_allclose(first.logits, second.logits, atol=1e-5)


@pytest.mark.parametrize("kind", head_kinds())
def test_training_goes_on_from_a_probe(runs: Path, pictures: Path, tmp_path: Path, kind: str) -> None:
    options = ["--preset", "quick", "--epochs", 1, "--img-size", 32, "--set", "hardware.precision=fp32"]
    done = command(
        "train", pictures, "--model", "test_resnet", "--weights", runs / kind, *options, "--out", tmp_path / "on"
    )
    assert done.code == 0, done.err
    report = (tmp_path / "on" / "load_report.json").read_text()
    assert ("head of shape" in report or "built otherwise" in report) == (kind != "linear")
    further = command("train", "--from", runs / kind, *options, "--out", tmp_path / "further")
    assert further.code == 0, further.err
    assert Run(tmp_path / "further").record["epochs"] == 1
    before, after = (_trunk(path / "model" / "model.safetensors") for path in (runs / kind, tmp_path / "further"))
    assert not any(torch.equal(before[name], after[name]) for name in before if name.endswith("conv1.weight"))


def test_a_card_for_another_head_is_refused(runs: Path, tmp_path: Path) -> None:
    card = read_card(runs / "elm" / "model")
    wrong: dict[str, Any] = {**card.arguments, "head": {"kind": "elm", "features": 9, "hidden": 10}}
    (tmp_path / "model.safetensors").write_bytes((runs / "elm" / "model" / "model.safetensors").read_bytes())
    write_card(tmp_path, type(card)(card.architecture, wrong, card.classes, card.preprocessing, {}, ""))
    with pytest.raises(WeightsMismatch, match="does not fit test_resnet"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hardware__precision", "bf16"),
        ("optimisation__class_weights", "balanced"),
        ("data__balanced", True),
        ("data__cache", "ram"),
        ("stages", [{"epochs": 3}]),
        ("model__dropout_samples", 4),
    ],
)
def test_settings_without_effect_are_refused(pictures: Path, tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(RecipeError, match=rf"{name.replace('__', '.')} has no effect on a probe"):
        _probe(pictures, tmp_path, "run", model__drop_rate=0.3, **{name: value})
    assert not (tmp_path / "run").exists()


def test_several_processes_are_refused(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(RecipeError, match="one process"):
        _probe(pictures, tmp_path, "run")


def test_a_probe_computes_in_fp32_and_its_recipe_says_so(pictures: Path, tmp_path: Path) -> None:
    run = _probe(pictures, tmp_path, "run", probe__head="knn", hardware__precision="auto")
    assert run.recipe.hardware.precision == "fp32"


def test_a_probe_that_was_killed_while_it_was_closed_is_closed_at_the_next_start(
    runs: Path, pictures: Path, tmp_path: Path, forwards: list[int]
) -> None:
    run = _probe(pictures, tmp_path, "run", probe__head="elm")
    forwards.clear()
    run._folder.update(status="running")
    (run.path / "scores.json").unlink()
    assert command("train", "--resume", run.path).code == 0
    assert forwards == []
    assert run.record["status"] == "finished"
    assert run.scores["test"] == Run(runs / "elm").scores["test"]


def test_a_trained_run_can_be_probed(runs: Path, pictures: Path, tmp_path: Path) -> None:
    """Whatever its recipe was: a run's own settings of training by epochs are not in a probe's way."""
    options = ["--model", "test_resnet", "--weights", "none", "--img-size", 32, "--preset", "quick", "--epochs", 1]
    ways = ["model.drop_rate=0.3", "model.dropout_samples=2", "model.resizer_size=48", "data.balanced=true"]
    ways += ["data.cache=ram", "optimisation.class_weights=balanced", "hardware.precision=bf16"]
    settings = [part for way in ways for part in ("--set", way)]
    trained = command("train", pictures, *options, *settings, "--out", tmp_path / "trained")
    assert trained.code == 0, trained.err
    probed = command("train", "--from", tmp_path / "trained", "--preset", "probe", "--out", tmp_path / "probed")
    assert probed.code == 0, probed.err
    before, after = (_trunk(tmp_path / name / "model" / "model.safetensors") for name in ("trained", "probed"))
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_network_that_cannot_be_probed_is_refused_before_its_run_is_made(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no single classifier"):
        toprung.train(
            pictures, model="deit_tiny_distilled_patch16_224", weights="none", preset="probe", out=tmp_path / "run"
        )
    assert not (tmp_path / "run").exists()
