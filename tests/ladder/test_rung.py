from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import toprung
from tests.pictures import COLOURS, make_pictures
from toprung.errors import LeakFound, RunError, ToprungError
from toprung.evaluation.metrics import score
from toprung.evaluation.predictions import Predictions
from toprung.ladder.run import Run

TINY = {
    "schedule.epochs": 10,
    "schedule.warmup_epochs": 0.0,
    "optimisation.batch_size": 8,
    "optimisation.lr": 3e-3,
    "model.img_size": 32,
    "hardware.precision": "fp32",
    "data.test_fraction": 0.2,
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("pictures"), per_class=20)


@pytest.fixture(scope="module")
def run(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return toprung.train(
        pictures,
        model="test_efficientnet",
        weights="none",
        preset="quick",
        settings=TINY,
        out=tmp_path_factory.mktemp("runs") / "tiny",
        progress=False,
    )


def test_the_run_folder_holds_all_that_its_docstring_names(run: Run) -> None:
    from toprung.runs import folder

    named = [line.split()[0].rstrip(",") for line in (folder.__doc__ or "").splitlines() if line.startswith("  ")]
    assert len(named) > 10
    for name in named:
        place = name.replace("SPLIT", "test")
        if name == "load_report.json":
            continue  # this run started from random weights
        if name == "calibration.json":
            continue  # made by another command
        assert (run.path / place.rstrip("/")).exists(), name


def test_it_learns_and_tells_its_scores(run: Run) -> None:
    assert run.record["status"] == "finished"
    assert run.record["epochs"] == 10
    accuracy = run.scores["test"]["accuracy"]
    assert accuracy["value"] >= 0.75
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]


def test_stored_scores_are_those_of_the_stored_predictions(run: Run) -> None:
    again = json.loads(json.dumps(score(run.predictions("test"), seed=run.recipe.seed)))
    assert again == run.scores["test"]


def test_the_saved_model_needs_nothing_retyped_and_repeats_the_stored_predictions(run: Run) -> None:
    loaded = toprung.load(run.path)
    stored = run.predictions("test")
    for path, logits in list(zip(stored.paths, stored.logits, strict=True))[:4]:
        prediction = loaded.predict(path)
        assert prediction.name == stored.classes[int(logits.argmax())]
        shares = torch.from_numpy(logits).double().softmax(0)
        assert prediction.probability == pytest.approx(float(shares.max()), abs=1e-5)
        assert sum(prediction.probabilities.values()) == pytest.approx(1)
        assert list(prediction.probabilities) == [name for name, _ in prediction.top(3)]


def test_one_picture_in_every_form_gives_one_answer(run: Run, pictures: Path) -> None:
    path = pictures / "red" / "3.png"
    image = Image.open(path)
    forms = [path, str(path), path.read_bytes(), image, np.asarray(image), np.asarray(image) / 255.0]
    answers = [run.predict(form).probabilities for form in forms]
    for answer in answers[1:]:
        assert answer == pytest.approx(answers[0], abs=1e-6)
    listed = run.predict([path, pictures / "blue" / "1.png"])
    assert [one.name for one in listed] == [run.predict(path).name, run.predict(pictures / "blue" / "1.png").name]


def test_the_model_folder_alone_predicts(run: Run, pictures: Path, tmp_path: Path) -> None:
    copy = tmp_path / "anywhere"
    copy.mkdir()
    for name in ("model.json", "model.safetensors"):
        (copy / name).write_bytes((run.path / "model" / name).read_bytes())
    picture = pictures / "green" / "0.png"
    assert toprung.load(copy).predict(picture).probabilities == run.predict(picture).probabilities


def test_validate_on_other_pictures_matches_classes_by_name(run: Run, tmp_path: Path) -> None:
    """A set that lacks a class must not shift the indices of the others."""
    other = make_pictures(tmp_path / "other", per_class=10, seed=7)
    for file in (other / "blue").iterdir():
        file.unlink()
    (other / "blue").rmdir()
    scores = run.validate(other)
    assert scores["split"] == "all"
    assert scores["pictures"] == 20
    assert scores["accuracy"]["value"] >= 0.75
    assert [one["pictures"] for one in scores["per_class"]] == [0, 10, 10]


def test_validate_names_a_class_that_the_model_does_not_know(run: Run, tmp_path: Path) -> None:
    other = make_pictures(tmp_path / "other", per_class=2)
    (other / "red").rename(other / "read")
    with pytest.raises(toprung.ToprungError, match=r"does not know the class 'read'.*Did you mean red\?"):
        run.validate(other)


def test_seeds_fix_everything(run: Run, pictures: Path, tmp_path: Path) -> None:
    again = toprung.train(
        pictures,
        model="test_efficientnet",
        weights="none",
        preset="quick",
        settings=TINY,
        out=tmp_path / "again",
        progress=False,
    )
    other = toprung.train(
        pictures,
        model="test_efficientnet",
        weights="none",
        preset="quick",
        settings=TINY | {"seed": 1},
        out=tmp_path / "other",
        progress=False,
    )
    first, second, third = (load_file(r.path / "model" / "model.safetensors") for r in (run, again, other))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], third[name]) for name in first)


def test_an_existing_run_is_never_overwritten(run: Run, pictures: Path) -> None:
    before = (run.path / "model" / "model.safetensors").read_bytes()
    with pytest.raises(RunError, match="never overwritten"):
        toprung.train(pictures, model="test_vit", weights="none", out=run.path, progress=False)
    assert (run.path / "model" / "model.safetensors").read_bytes() == before


def test_a_damaged_picture_is_listed_and_left_out(tmp_path: Path) -> None:
    """It must become neither another picture's label nor a black image."""
    pictures = make_pictures(tmp_path / "p", per_class=6)
    whole = (pictures / "red" / "0.png").read_bytes()
    (pictures / "red" / "0.png").write_bytes(whole[: len(whole) // 2])
    (pictures / "blue" / "1.png").write_bytes(b"")
    run = toprung.train(
        pictures,
        model="test_vit",
        weights="none",
        settings=TINY | {"schedule.epochs": 1, "model.img_size": None},
        out=tmp_path / "run",
        progress=False,
    )
    listed = (run.path / "data" / "unreadable.csv").read_text()
    assert "red/0.png" in listed.replace("\\", "/")
    assert "blue/1.png" in listed.replace("\\", "/")
    table = run.table()
    assert len(table) == 16
    names = {
        path.relative_to(pictures).as_posix(): table.classes[label]
        for path, label in zip(table.paths, table.labels, strict=True)
    }
    assert all(name.split("/")[0] == label for name, label in names.items())
    assert "red/0.png" not in names
    with pytest.raises(ToprungError, match="2 files cannot be read"):
        toprung.train(
            pictures,
            model="test_vit",
            weights="none",
            settings={"data.on_unreadable": "error"},
            out=tmp_path / "b",
            progress=False,
        )
    assert not (tmp_path / "b").exists()


def test_leaks_are_told_and_refused_when_asked(tmp_path: Path) -> None:
    pictures = tmp_path / "p"
    make_pictures(pictures / "train", per_class=6)
    make_pictures(pictures / "val", per_class=3, seed=5)
    (pictures / "val" / "red" / "copy.png").write_bytes((pictures / "train" / "red" / "2.png").read_bytes())
    settings = TINY | {"schedule.epochs": 1, "data.test_fraction": 0.0, "model.img_size": None}
    run = toprung.train(
        pictures, model="test_vit", weights="none", settings=settings, out=tmp_path / "r", progress=False
    )
    health = json.loads((run.path / "data" / "health.json").read_text())
    assert len(health["leaks"]) == 1
    assert sorted(health["leaks"][0]["splits"]) == ["train", "val"]
    with pytest.raises(LeakFound, match=r"copy\.png"):
        toprung.train(
            pictures,
            model="test_vit",
            weights="none",
            settings=settings | {"data.refuse_leaks": True},
            out=tmp_path / "s",
            progress=False,
        )


def test_classes_are_named_in_the_order_of_the_outputs(run: Run) -> None:
    assert run.classes == tuple(sorted(COLOURS))
    stored = Predictions.read(run.path / "predictions" / "val.npz")
    names = [Path(path).parent.name for path in stored.paths]
    assert [stored.classes[label] for label in stored.labels] == names
