"""What a user can get wrong, one sentence each, and nothing lost or left behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.cli.command_line import Result, toprung
from tests.pictures import make_pictures
from toprung.ladder.run import Run

FAST = [
    "--model",
    "test_vit",
    "--weights",
    "none",
    "--preset",
    "quick",
    "--epochs",
    "1",
    "--set",
    "hardware.precision=fp32",
]


def refused(said: str, *arguments: object, cwd: Path | None = None) -> Result:
    done = toprung("train", *arguments)
    assert done.code == 2, done
    assert said in " ".join(done.err.split()), done.err
    assert "Traceback" not in done.err
    return done


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def test_pictures(tmp_path: Path) -> None:
    refused("does not exist", tmp_path / "gone", *FAST)
    (tmp_path / "empty").mkdir()
    refused("holds no pictures", tmp_path / "empty", *FAST)
    one = make_pictures(tmp_path / "one", per_class=3)
    for name in ("blue", "green"):
        for file in (one / name).iterdir():
            file.unlink()
        (one / name).rmdir()
    refused("one class only, 'red'", one, *FAST)
    single = make_pictures(tmp_path / "single", per_class=3)
    for number in (1, 2):
        (single / "red" / f"{number}.png").unlink()
    refused("the class 'red' has one picture only", single, *FAST)
    hollow = make_pictures(tmp_path / "hollow", per_class=3)
    (hollow / "white").mkdir()
    refused("holds no pictures", hollow, *FAST)
    assert not Path("runs").exists()


def test_lists(tmp_path: Path) -> None:
    list_file = tmp_path / "list.csv"
    list_file.write_text("path,label\na.png,x\nb.png,y\n")
    refused("2 of the 2 pictures that", list_file, *FAST)
    list_file.write_text("path,kind\na.png,x\n")
    refused("has no column 'label'", list_file, *FAST)


def test_splits(tmp_path: Path) -> None:
    """The traps of other trainers: shifted indices, and a val that is the training set."""
    both = tmp_path / "both"
    make_pictures(both / "train", per_class=4)
    make_pictures(both / "val", per_class=4)  # the same seed: byte for byte the same pictures
    refused("every picture of val is a copy of a training picture", both, *FAST)
    shifted = tmp_path / "shifted"
    make_pictures(shifted / "train", per_class=4)
    make_pictures(shifted / "val", per_class=4, seed=1)
    (shifted / "val" / "blue").rename(shifted / "val" / "azure")
    refused("the class 'azure' stands in val but not in train", shifted, *FAST)
    assert not Path("runs").exists()


def test_settings(pictures: Path) -> None:
    refused("there is no model 'resnet5'. Did you mean resnet50", pictures, "--model", "resnet5")
    refused(
        "there is no setting 'optimisation.lrr'. Did you mean optimisation.lr", pictures, "--set", "optimisation.lrr=1"
    )
    refused("optimisation.lr = -1", pictures, *FAST, "--lr", "-1")
    refused("is not of the form name=value", pictures, *FAST, "--set", "seed")
    refused("there is no preset 'quik'", pictures, "--preset", "quik")
    refused("optimizer = 'adamm' is not known", pictures, *FAST, "--set", "optimisation.optimizer=adamm")
    refused("hardware.trackers = 'wandbb' is not known", pictures, *FAST, "--set", "hardware.trackers=wandbb")
    refused("there is no recipe file", pictures, *FAST, "--recipe", "gone.toml")
    assert not Path("runs").exists()


def test_what_to_freeze_and_stages(pictures: Path) -> None:
    refused("optimisation.freeze = 'head' is not allowed", pictures, *FAST, "--freeze", "head")
    refused("but the model has", pictures, *FAST, "--freeze", "blocks:99")
    refused("finds no parameter; names look like", pictures, *FAST, "--freeze", "names:^nothing")
    refused("leaves nothing of the model to train", pictures, *FAST, "--freeze", "names:.")
    refused("a stage has no 'frozen'", pictures, "--set", 'stages=[{epochs=1, frozen="backbone"}]')
    refused("stages: epochs = 0", pictures, "--set", "stages=[{epochs=0}]")
    refused("is not a list of tables", pictures, "--set", "stages=5")
    refused("has no effect on a recipe in stages", pictures, "--epochs", "3", "--set", "stages=[{epochs=1}]")
    refused("there is no run folder gone", "--from", "gone", "--preset", "swa")
    assert not Path("runs").exists()


def test_settings_that_depend_on_each_other_come_in_any_order(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = toprung("train", pictures, *FAST, "--set", "data.fold=2", "--set", "data.folds=4", "--out", out)
    assert done.code == 0, done
    assert json.loads((out / "run.json").read_text())["status"] == "finished"


def test_weights_that_do_not_fit_are_refused_before_pictures_are_read(pictures: Path, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save({"layer.weight": torch.zeros(3, 3)}, file)
    done = refused("does not fit", pictures, "--model", "test_vit", "--weights", file)
    assert "pictures  " not in done.out
    refused("there is no weights file", pictures, "--model", "test_vit", "--weights", tmp_path / "gone.pth")
    refused("is not installed", pictures, "--model", "test_vit", "--weights", "package:no-such-package")
    assert not Path("runs").exists()


def test_a_model_that_cannot_run_on_such_pictures(pictures: Path) -> None:
    refused("does not run on 4 × 4 pictures", pictures, "--model", "vgg11", "--weights", "none", "--img-size", "4")


def test_resume_takes_nothing_else(run: Run) -> None:
    refused("give nothing else", "--resume", run.path, "--lr", "1")
    refused("give nothing else", "--resume", run.path, "--preset", "scratch")
    refused("Missing argument 'PICTURES'")


def test_a_run_from_a_newer_version(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "newer"
    folder.mkdir()
    record = json.loads((run.path / "run.json").read_text()) | {"format": 99}
    (folder / "run.json").write_text(json.dumps(record))
    refused("written by a newer toprung", "--resume", folder)


def test_a_place_that_cannot_be_written(pictures: Path) -> None:
    Path("file").write_text("in the way")
    refused("a part of the path is a file", pictures, *FAST, "--out", "file/run")


def test_runs_get_free_names_and_a_run_can_start_another(pictures: Path) -> None:
    for _ in range(2):
        assert toprung("train", pictures, *FAST).code == 0
    assert sorted(path.name for path in Path("runs").iterdir()) == ["test_vit-quick", "test_vit-quick-2"]
    weights = ["--model", "test_vit", "--weights", "runs/test_vit-quick", "--preset", "quick", "--epochs", "1"]
    done = toprung("train", pictures, *weights, "--out", "third")
    assert done.code == 0, done
    assert "100.0% of the backbone's parameters" in done.out


def test_a_diverging_run_says_why_and_keeps_its_checkpoint(pictures: Path) -> None:
    wild = ["--set", "optimisation.clip_grad=0", "--set", "optimisation.optimizer=sgd", "--lr", "1e4"]
    done = toprung("train", pictures, *FAST, "--epochs", "30", *wild, "--out", "wild")
    assert done.code == 3, done
    assert "the learning rate is probably too high" in done.err
    record = json.loads(Path("wild/run.json").read_text())
    assert record["status"] == "failed"
    board = toprung("board", ".")
    assert "learning rate is probably too high" in " ".join(board.out.split())


def test_phone_pictures_in_odd_folders_train(tmp_path: Path) -> None:
    """Upper-case extensions, spaces, nested folders, non-ASCII names, mixed modes."""
    place = make_pictures(tmp_path / "My Photos", per_class=6)
    nested = place / "red" / "2024" / "Île d'été"
    nested.mkdir(parents=True)
    (place / "red" / "0.png").rename(nested / "IMG 1.PNG")
    with Image.open(place / "blue" / "0.png") as image:
        image.convert("L").save(place / "blue" / "grey.JPG")
        image.convert("CMYK").save(place / "blue" / "ink.JPEG")
        image.convert("RGBA").save(place / "blue" / "clear.webp")
    done = toprung("train", place, *FAST, "--out", "run")
    assert done.code == 0, done
    assert "21 in 3 classes" in done.out
