"""``toprung compare``: runs, tables of other tools, counts."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command_line import toprung
from tests.ladder.make_run import make_predictions
from toprung.evaluation.predictions import Predictions

CLASSES = ("ant", "bee", "cat")


@pytest.fixture
def said(tmp_path: Path) -> list[Path]:
    """Two files of predictions on 200 pictures, the second model better."""
    files = []
    for number, skill in enumerate((1.0, 4.0)):
        file = tmp_path / f"model{number}.npz"
        file.write_bytes(make_predictions(CLASSES, 200, seed=number, skill=skill).to_bytes())
        files.append(file)
    return files


def table(file: Path, said: Predictions, how: str) -> Path:
    """Write predictions as another tool would, in another order and with other folders."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        if how == "answers":
            writer.writerow(["Image", "Target", "Pred"])
        else:
            writer.writerow(["Image", "Target", *(f"{'prob_' if how == 'prefixed' else ''}{c}" for c in said.classes)])
        for row in reversed(range(len(said))):
            label, answer = said.classes[said.labels[row]], said.classes[said.predicted[row]]
            cells = [answer] if how == "answers" else said.probabilities[row].tolist()
            writer.writerow([f"elsewhere/{said.paths[row]}", label, *cells])
    return file


def test_two_files(said: list[Path]) -> None:
    result = toprung("compare", *said)
    assert result.code == 0, result.err
    assert "model1.npz is better than model0.npz" in result.out
    assert "200 pictures" in result.out
    values = json.loads(toprung("compare", *said, "--json").out)["pairs"][0]
    first, second = (Predictions.read(file) for file in said)
    right = [one.predicted == one.labels for one in (first, second)]
    assert values["second_only"] == int((~right[0] & right[1]).sum())
    assert values["accuracy"]["difference"] == pytest.approx(right[1].mean() - right[0].mean())


@pytest.mark.parametrize("how", ["answers", "scores", "prefixed"])
def test_a_table_of_another_tool_says_the_same(said: list[Path], tmp_path: Path, how: str) -> None:
    other = table(tmp_path / "other.csv", Predictions.read(said[1]), how)
    own = json.loads(toprung("compare", *said, "--json").out)["pairs"][0]
    result = toprung("compare", said[0], other, "--json")
    assert result.code == 0, result.err
    theirs = json.loads(result.out)["pairs"][0]
    for key in ("both", "first_only", "second_only", "neither", "p_value"):
        assert theirs[key] == own[key]
    if how != "answers":
        assert theirs["metrics"]["log_loss"]["second"] == pytest.approx(own["metrics"]["log_loss"]["second"], abs=1e-4)


def test_more_than_two_are_compared_with_the_best(said: list[Path], tmp_path: Path) -> None:
    third = tmp_path / "model2.npz"
    third.write_bytes(make_predictions(CLASSES, 200, seed=5, skill=1.0).to_bytes())
    pairs = json.loads(toprung("compare", *said, third, "--json").out)["pairs"]
    assert {pair["second"] for pair in pairs} == {"model1.npz"}
    assert all(pair["holm_p_value"] >= pair["p_value"] for pair in pairs)


def test_other_pictures_are_refused_or_left_out(said: list[Path], tmp_path: Path) -> None:
    whole = Predictions.read(said[1])
    part = Predictions(whole.paths[:50], whole.hashes[:50], whole.labels[:50], whole.logits[:50], whole.classes)
    file = tmp_path / "part.npz"
    file.write_bytes(part.to_bytes())
    result = toprung("compare", said[0], file)
    assert (result.code, "compare those with --common" in result.err) == (2, True)
    assert "model0.npz 200, part.npz 50, 50 in common" in result.err
    assert "50 pictures" in toprung("compare", said[0], file, "--common").out


def test_changed_pictures_are_listed(said: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "changed.csv"
    result = toprung("compare", *said, "--changed", out)
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    first, second = (Predictions.read(file) for file in said)
    assert len(rows) == int((first.predicted != second.predicted).sum())
    assert f"{len(rows)} pictures are answered otherwise" in result.out
    assert all(row["model0.npz"] != row["model1.npz"] for row in rows)
    assert toprung("compare", *said, "--changed", out).code == 2


def test_the_six_scores() -> None:
    scores = ["0.95794", "0.97222", "0.9754", "0.97937", "0.98254", "0.98333"]
    result = toprung("compare", "--counts", *(f"{score}/1260" for score in scores))
    assert result.code == 0, result.err
    assert "0.98254/1260 to 0.98333/1260: 1 picture of 1,260. No pairing of the answers could make this" in result.out
    assert "0.95794/1260 to 0.98333/1260: 32 pictures of 1,260. Real, whichever pictures changed." in result.out
    exact = json.loads(toprung("compare", "--counts", "1238/1260", "1239/1260", "--json").out)
    assert exact["pairs"][0]["comparison"]["best_paired_p"] == 1.0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "holds no predictions"),
        ("path,label,predicted\n", "holds no predictions"),
        ("label,predicted\nant,bee\n", "has no column for the picture"),
        ("path,predicted\na.png,bee\n", "has no column for the true class"),
        ("path,label,colour\na.png,ant,red\n", "tells no answers"),
        ("path,label,predicted\na.png,ant,\n", "line 2: the column predicted is empty"),
        ("path,label,ant,bee\na.png,ant,1,x\nb.png,bee,0,1\n", "line 2: bee = 'x' is not a number"),
        ("path,label,ant,bee\na.png,ant,1,nan\nb.png,bee,0,1\n", "line 2: a score is NaN or infinite"),
        ("path,label,ant,bee,cat\na.png,ant,1,2,9\nb.png,bee,0,1,9\n", "no picture is of the class cat"),
        ("path,label,predicted\na.png,ant,ant\na.png,ant,bee\n", "names a.png more than once"),
    ],
)
def test_bad_tables(said: list[Path], tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(content, encoding="utf-8")
    result = toprung("compare", said[0], file)
    assert (result.code, told in result.err, "Traceback" in result.err) == (2, True, False), result.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["one"], "needs two models or more"),
        (["--counts", "1/2"], "compares two scores or more"),
        (["--counts", "1/2", "2/2", "--common"], "--counts knows no pictures"),
        (["nowhere", "nothing"], "there is no run folder nowhere"),
    ],
)
def test_mistakes(arguments: list[str], told: str) -> None:
    result = toprung("compare", *arguments)
    assert (result.code, told in result.err) == (2, True), result.err


def test_names_that_are_alike_but_in_other_folders(tmp_path: Path) -> None:
    """1.png of every class: the class folder tells them apart."""
    paths = tuple(f"{name}/{number}.png" for name in CLASSES for number in range(5))
    labels = np.repeat(np.arange(3), 5)
    logits = np.random.default_rng(0).normal(size=(15, 3)).astype(np.float32)
    said = Predictions(paths, ("",) * 15, labels, logits, CLASSES)
    files = [table(tmp_path / f"{number}.csv", said, "answers") for number in range(2)]
    assert "15 pictures" in toprung("compare", *files).out
