"""`toprung inspect`, and training from files that are not plain timm ones."""

import json
from pathlib import Path

import pytest
import timm
import torch

from tests.cli.command_line import toprung
from tests.pictures import make_pictures
from toprung.ladder.run import Run
from toprung.models.conventions import activation_of
from toprung.runs.model import load_model


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An MAE file of a small ViT."""
    torch.save({"model": timm.create_model("test_vit", num_classes=0).state_dict()}, tmp_path / "mae.pth")
    return tmp_path / "mae.pth"


def test_inspect_tells_what_a_file_is(file: Path) -> None:
    done = toprung("inspect", file)
    assert done.code == 0, done
    for words in ("MAE", "patch 16, width 64, depth 6", 'timm.create_model("test_vit")', "CC-BY-NC", "0.485 0.456"):
        assert words in done.out
    assert json.loads(toprung("inspect", file, "--json").out)["fits"][0] == "test_vit"


def test_inspect_shows_the_load_or_the_refusal(file: Path) -> None:
    done = toprung("inspect", file, "--model", "test_vit", "--classes", 5)
    assert done.code == 0
    assert "100.0% of the backbone's parameters" in done.out
    assert "head.weight, head.bias (truncated normal of std 2e-05, as MAE's fine-tuning)" in done.out
    refused = toprung("inspect", file, "--model", "test_vit2")
    assert refused.code == 2
    assert "does not fit the model" in refused.err
    assert "Traceback" not in refused.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gone.pth"], "there is no weights file gone.pth"),
        (["FILE", "--model", "vit_bse_patch16_224"], "Did you mean vit_base_patch16_224"),
        (["FILE", "--dialect", "bubblegum"], "there is no dialect 'bubblegum'"),
    ],
)
def test_mistakes_are_one_sentence(file: Path, arguments: list[str], words: str) -> None:
    done = toprung("inspect", *(str(file) if argument == "FILE" else argument for argument in arguments))
    assert done.code == 2
    assert words in done.err
    assert "Traceback" not in done.err


def train(folder: Path, *arguments: object) -> Run:
    pictures = make_pictures(folder / "pictures", per_class=4)
    fast = ["--preset", "quick", "--epochs", 1, "--set", "hardware.precision=fp32", "--out", folder / "run"]
    done = toprung("train", pictures, *fast, *arguments)
    assert done.code == 0, done.err
    return Run(folder / "run")


def test_a_run_keeps_the_conventions_of_its_weights(tmp_path: Path) -> None:
    state = timm.create_model("test_vit", num_classes=3).state_dict()
    torch.save(state, tmp_path / "weights.pth")
    run = train(
        tmp_path, "--model", "test_vit", "--weights", tmp_path / "weights.pth", "--set", "model.dialect=bubbliiiing ViT"
    )
    card = json.loads((run.path / "model" / "model.json").read_text())
    assert card["arguments"]["conventions"]["activation"] == "gelu_tanh"
    module, _ = load_model(run.path / "model")
    assert {activation_of(m) for m in module.modules() if activation_of(m)} == {"gelu_tanh"}
    again = toprung("inspect", run.path, "--model", "test_vit", "--classes", 3)
    assert "activation: gelu_tanh" in again.out
    assert "toprung run" in again.out


def test_a_partial_load_must_be_asked_for_and_marks_run_report_and_board(tmp_path: Path) -> None:
    state = timm.create_model("test_vit", num_classes=3).state_dict()
    torch.save({k: t for k, t in state.items() if not k.startswith("blocks.5.")}, tmp_path / "weights.pth")
    pictures = make_pictures(tmp_path / "other", per_class=4)
    weights = ["--model", "test_vit", "--weights", tmp_path / "weights.pth"]
    refused = toprung("train", pictures, "--preset", "quick", *weights)
    assert refused.code == 2
    assert "does not fit the model" in refused.err
    run = train(tmp_path, *weights, "--set", "model.partial_weights=true")
    assert json.loads((run.path / "load_report.json").read_text())["partial"] is True
    assert "partial weights" in (run.path / "report.html").read_text()
    assert "~ started from weights that did not fit" in toprung("board", run.path).out
