from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import binomtest
from torch.optim.swa_utils import update_bn

import toprung
from tests.ladder.averaging.conftest import Sibling
from tests.ladder.test_report import Page
from tests.pictures import make_pictures
from toprung.data.eval_view import EvalView
from toprung.data.loaders import normalise
from toprung.data.table_csv import read_table_csv, write_table_csv
from toprung.errors import DataError, RecipeError, RunError, WeightsError, WeightsMismatch
from toprung.evaluation.predictions import Predictions
from toprung.ladder.board import read_board
from toprung.ladder.run import Run
from toprung.runs.model import load_model


def averaged(*models: Path, out: Path, **options: object) -> Run:
    return toprung.average(models, out=out, progress=False, device="cpu", **options)  # type: ignore[arg-type]


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model" / "model.safetensors")


def test_the_result_is_a_run_like_any_other(vit: Path, sibling: Sibling, tmp_path: Path) -> None:
    other, third = sibling(vit, "two", seed=1), sibling(vit, "three", seed=2)
    run = averaged(vit, other, third, out=tmp_path / "mean")
    states = [weights(path) for path in (vit, other, third)]
    for name, tensor in weights(run.path).items():
        expected = np.mean([state[name].double().numpy() for state in states], axis=0)
        np.testing.assert_allclose(tensor.numpy(), expected, rtol=1e-7, atol=1e-30, err_msg=name)
    stored = run.predictions("val")
    module, card = load_model(run.path / "model")
    assert card.classes == stored.classes
    assert np.allclose(run.classifier.logits([Path(p) for p in stored.paths]), stored.logits, atol=1e-5)
    assert run.scores["val"]["accuracy"]["value"] == np.mean(stored.predicted == stored.labels)
    assert set(stored.hashes) == set(Run(vit).predictions("val").hashes)
    assert Run(run.path).recipe.preset == "average-uniform"
    assert run.table().splits == Run(vit).table().splits
    assert not module.training
    row = read_board(run.path)[0]
    assert (row.status, row.split, row.model) == ("finished", "val", "test_vit")


def test_parents_are_recorded_with_scores_on_the_same_pictures_and_the_paired_test(
    vit: Path, sibling: Sibling, tmp_path: Path
) -> None:
    worse = sibling(vit, "worse", noise=3.0)
    run = averaged(worse, vit, out=tmp_path / "mean", method="weighted", weights=[1, 3])
    record = run.record
    assert record["method"] == "weighted"
    assert [parent["name"] for parent in record["parents"]] == ["worse", "one"]
    assert [parent["share"] for parent in record["parents"]] == [0.25, 0.75]
    mine, theirs = run.predictions("val"), Run(vit).predictions("val")
    order = [theirs.hashes.index(content) for content in mine.hashes]
    right, other = mine.predicted == mine.labels, (theirs.predicted == theirs.labels)[order]
    paired = record["parents"][1]["paired"]["val"]
    won, lost = int((right & ~other).sum()), int((~right & other).sum())
    assert (paired["average_only"], paired["parent_only"]) == (won, lost)
    assert paired["p_value"] == pytest.approx(binomtest(won, won + lost).pvalue if won + lost else 1.0)
    scores = Run(vit).scores["val"]
    assert record["parents"][1]["scores"]["val"]["accuracy"] == scores["accuracy"]
    assert record["parents"][1]["scores"]["val"]["log_loss"]["value"] == pytest.approx(scores["log_loss"]["value"])
    found = [parent["scores"]["val"] for parent in record["parents"]]
    order_of_merit = [(one["accuracy"]["value"], -one["log_loss"]["value"]) for one in found]  # equal accuracies occur
    assert [parent["best"] for parent in record["parents"]] == [one == max(order_of_merit) for one in order_of_merit]
    page = Page(run.path / "report.html")  # its elements are balanced
    assert "The average beside its parents" in page.text
    assert "worse" in page.text


def test_batchnorms_statistics_are_those_of_torchs_update_bn_on_the_training_pictures(
    resnet: Path, sibling: Sibling, tmp_path: Path
) -> None:
    other = sibling(resnet, "two")
    run = averaged(resnet, other, out=tmp_path / "mean", batch_size=100)  # all training pictures are one batch
    train, how = run.table().split("train"), run.classifier.card.preprocessing
    pixels = torch.from_numpy(np.stack([EvalView(how)(path) for path in train.paths])).permute(0, 3, 1, 2)
    module, _ = load_model(run.path / "model")
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    module.load_state_dict(state, assign=True)
    update_bn([normalise(pixels, how.mean, how.std)], module)
    statistics = [name for name in state if name.endswith(("running_mean", "running_var"))]
    assert statistics
    for name in statistics:
        assert torch.allclose(module.state_dict()[name], weights(run.path)[name], rtol=1e-3, atol=1e-3), name
    means = [(weights(resnet)[name] + weights(other)[name]) / 2 for name in statistics]
    assert not all(
        torch.allclose(mean, weights(run.path)[n], rtol=1e-2, atol=1e-2)
        for mean, n in zip(means, statistics, strict=True)
    )
    assert run.record["statistics_pictures"] == len(train)


def test_a_model_without_batchnorm_needs_no_training_pictures(
    pictures: Path, vit: Path, sibling: Sibling, tmp_path: Path
) -> None:
    """A pass over data would be waste for it: its training pictures may be gone."""
    other, copy = sibling(vit, "two"), tmp_path / "pictures"
    shutil.copytree(pictures, copy)
    table = read_table_csv(other / "data" / "table.csv")
    moved = dataclasses.replace(table, paths=tuple(copy / path.relative_to(pictures) for path in table.paths))
    write_table_csv(other / "data" / "table.csv", moved, copy)
    for path in moved.split("train").paths:
        path.unlink()
    run = averaged(other, vit, out=tmp_path / "mean")
    assert run.record["statistics_pictures"] == 0


def test_greedy_without_a_test_split_chooses_on_one_half_of_val_and_reports_on_the_other(
    vit: Path, sibling: Sibling, tmp_path: Path
) -> None:
    others = [sibling(vit, "bad", noise=5.0), sibling(vit, "near", seed=4)]
    run = averaged(*others, vit, out=tmp_path / "soup", method="greedy")
    val, test = run.predictions("val"), run.predictions("test")
    whole = Run(vit).predictions("val")
    assert sorted(val.hashes + test.hashes) == sorted(whole.hashes)
    for label in range(3):
        assert abs(int((val.labels == label).sum()) - int((test.labels == label).sum())) <= 1
    record = run.record
    assert record["halved"]
    alone = max(parent["scores"]["val"]["accuracy"]["value"] for parent in record["parents"])
    assert run.scores["val"]["accuracy"]["value"] >= alone
    shares = {parent["name"]: parent["share"] for parent in record["parents"]}
    assert sum(shares.values()) == pytest.approx(1)
    kept = {step["what"] for step in record["tried"] if step["kept"]}
    assert len(kept) == sum(share > 0 for share in shares.values())
    assert "optimistic" in (run.path / "report.html").read_text(encoding="utf-8")
    again = averaged(*others, vit, out=tmp_path / "again", method="greedy")
    assert again.predictions("test").hashes == test.hashes


def test_with_a_test_split_it_is_reported_on_and_the_curve_is_of_val(
    resnet: Path, sibling: Sibling, tmp_path: Path
) -> None:
    other = sibling(resnet, "two", noise=0.5)
    run = averaged(resnet, other, out=tmp_path / "line", method="interpolate", at=[0, 0.5, 1])
    assert run.predictions("test").hashes == Run(resnet).predictions("test").hashes
    assert not run.record["halved"]
    curve = run.record["tried"]
    assert [step["shares"][1] for step in curve] == [0, 0.5, 1]
    assert curve[0]["judgement"]["accuracy"] == Run(resnet).scores["val"]["accuracy"]["value"]
    best = max(step["judgement"]["accuracy"] for step in curve)
    assert run.scores["val"]["accuracy"]["value"] == best


@pytest.mark.parametrize("place", [0, 1])
def test_the_ends_of_a_line_are_the_parents_bit_by_bit(
    resnet: Path, sibling: Sibling, tmp_path: Path, place: int
) -> None:
    """Their own BatchNorm statistics included."""
    parents = [resnet, sibling(resnet, "two")]
    run = averaged(*parents, out=tmp_path / "end", method="interpolate", at=place)
    for name, tensor in weights(parents[place]).items():
        assert torch.equal(tensor, weights(run.path)[name]), name


def test_pictures_that_a_parent_was_trained_on_are_not_scored(vit: Path, sibling: Sibling, tmp_path: Path) -> None:
    """Two runs with other splits: what one validated on, the other may have learnt."""
    other = sibling(vit, "two")
    table = read_table_csv(other / "data" / "table.csv")
    val = [i for i, split in enumerate(table.splits) if split == "val"]
    splits = list(table.splits)
    for row in val[::2]:
        splits[row] = "train"
    changed = type(table)(table.paths, table.labels, table.classes, tuple(splits), table.groups, table.hashes)
    write_table_csv(other / "data" / "table.csv", changed, table.paths[0].parent.parent)
    run = averaged(vit, other, out=tmp_path / "mean")
    assert set(run.predictions("val").hashes) == {table.hashes[row] for row in val[1::2]}
    assert f"{len(val[::2])} pictures are left out" in run.record["notes"][0]


def test_other_pictures_may_be_given(vit: Path, sibling: Sibling, tmp_path: Path) -> None:
    fresh = make_pictures(tmp_path / "fresh", per_class=6, seed=9)
    run = averaged(vit, sibling(vit, "two"), out=tmp_path / "mean", pictures=fresh)
    assert set(run.scores) == {"test"}
    assert run.scores["test"]["pictures"] == 18
    assert "took no part" in run.record["how_chosen"]
    assert all(parent["paired"]["test"]["both"] <= 18 for parent in run.record["parents"])
    assert Predictions.read(run.path / "predictions" / "test.npz").classes == ("blue", "green", "red")


def test_of_given_pictures_those_that_were_learnt_are_left_out(
    pictures: Path, vit: Path, sibling: Sibling, tmp_path: Path
) -> None:
    run = averaged(vit, sibling(vit, "two"), out=tmp_path / "mean", pictures=pictures)
    assert sorted(run.predictions("test").hashes) == sorted(Run(vit).predictions("val").hashes)
    assert sorted(run.table().split("train").hashes) == sorted(Run(vit).table().split("train").hashes)


def test_saved_models_and_weights_files_go_with_a_run(vit: Path, sibling: Sibling, tmp_path: Path) -> None:
    other = sibling(vit, "two")
    torch.save({"state_dict": weights(other)}, tmp_path / "bare.pth")
    run = averaged(vit, other / "model", tmp_path / "bare.pth", out=tmp_path / "mean")
    scores = [parent["scores"]["val"]["log_loss"]["value"] for parent in run.record["parents"]]
    assert scores[1] == pytest.approx(scores[2])


def test_heads_that_were_fitted_to_features_are_refused(vit: Path, pictures: Path, tmp_path: Path) -> None:
    settings = {"probe.head": "knn", "hardware.precision": "fp32"}
    for name in ("one", "two"):
        toprung.train(
            pictures,
            model="test_vit",
            weights=str(vit),
            preset="probe",
            settings=settings,
            out=tmp_path / name,
            progress=False,
        )
    with pytest.raises(WeightsMismatch, match=r"its head \(knn\) was fitted to features"):
        toprung.average([tmp_path / "one", tmp_path / "two"], out=tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_unlike_models_are_refused_with_the_reason(vit: Path, resnet: Path, sibling: Sibling, tmp_path: Path) -> None:
    out = tmp_path / "mean"
    with pytest.raises(WeightsMismatch, match="it is a test_resnet, the other a test_vit"):
        averaged(vit, resnet, out=out)
    for change, said in (
        ({"classes": ["blue", "green", "yellow"]}, "its class 2 is 'yellow' and there 'red'"),
        ({"classes": ["blue", "green"]}, "it knows 2 classes, the other 3"),
    ):
        other = sibling(vit, f"other{len(change['classes'])}")
        card = json.loads((other / "model" / "model.json").read_text())
        (other / "model" / "model.json").write_text(json.dumps(card | change))
        with pytest.raises(WeightsMismatch, match=said):
            averaged(vit, other, out=out)
    with pytest.raises(RecipeError, match="two models or more"):
        averaged(vit, out=out)
    with pytest.raises(WeightsError, match="does not exist"):
        averaged(vit, tmp_path / "nothing", out=out)
    assert not out.exists()


def test_nothing_is_left_where_it_fails_and_nothing_is_overwritten(vit: Path, sibling: Sibling, tmp_path: Path) -> None:
    other = sibling(vit, "two", noise=float("nan"))
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(WeightsError, match=r"two.*NaN"):
        averaged(vit, other, out=tmp_path / "mean")
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    with pytest.raises(RunError, match="exists already"):
        averaged(vit, vit, out=other)


def test_models_of_no_run_need_a_weights_file_for_a_goal(vit: Path, tmp_path: Path) -> None:
    torch.save(weights(vit), tmp_path / "a.pth")
    with pytest.raises(RunError, match=r"--out FILE\.safetensors"):
        averaged(tmp_path / "a.pth", tmp_path / "a.pth", out=tmp_path / "mean")
    with pytest.raises(RunError, match="none of the models is a run"):
        averaged(vit / "model", vit / "model", out=tmp_path / "mean")


def test_too_few_pictures_to_cut_in_halves_are_told(vit: Path, sibling: Sibling, tmp_path: Path) -> None:
    fresh = make_pictures(tmp_path / "fresh", per_class=1, seed=9)
    with pytest.raises(DataError, match="cannot be cut"):
        averaged(vit, sibling(vit, "two"), out=tmp_path / "mean", method="greedy", pictures=fresh)
