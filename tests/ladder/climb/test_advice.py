from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console
from scipy.stats import binom

from tests.ladder.make_run import make_run
from tests.ladder.spoil import spoil
from toprung.evaluation.metrics import score
from toprung.evaluation.predictions import Predictions
from toprung.ladder.climb.advice import Advice, advise, rules
from toprung.ladder.climb.advice_rules.answers import pictures_needed, smallest_difference
from toprung.ladder.climb.advice_shown import print_advice
from toprung.runs.folder import RunFolder

Curve = Sequence[float]


def advice(rule: str, *runs: Path) -> Advice | None:
    return next((one for one in advise([RunFolder(run) for run in runs]) if one.rule == rule), None)


def change(run: Path, name: str, how: Callable[[dict[str, Any]], Any]) -> None:
    content = json.loads((run / name).read_text())
    how(content)
    (run / name).write_text(json.dumps(content))


def curves(run: Path, train: Curve, val: Curve) -> None:
    lines = [
        {"kind": "epoch", "epoch": i + 1, "step": i + 1, "train_loss": t, "val_loss": v, "val_accuracy": 0.5}
        for i, (t, v) in enumerate(zip(train, val, strict=True))
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def predict(run: Path, split: str, predictions: Predictions) -> None:
    (run / "predictions" / f"{split}.npz").write_bytes(predictions.to_bytes())
    change(run, "scores.json", lambda scores: scores.update({split: score(predictions)}))


def of_labels(labels: Sequence[int], answers: Sequence[int], confidence: float = 0.9, kind: str = "p") -> Predictions:
    classes, count = 3, len(labels)
    probabilities = np.full((count, classes), (1 - confidence) / (classes - 1))
    probabilities[np.arange(count), answers] = confidence
    return Predictions(
        tuple(f"/gone/{kind}{i}.jpg" for i in range(count)),
        tuple(f"{kind}{i:030x}" for i in range(count)),
        np.asarray(labels, dtype=np.int64),
        np.log(probabilities).astype(np.float32),
        ("bird", "cat", "fish"),
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "one", pictures=300)


def test_every_rule_is_described_and_says_only_its_own_name(run: Path) -> None:
    table = (Path(__file__).parents[3] / "docs" / "advice.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == sorted(rules())
    for name, rule in rules().items():
        assert rule.__doc__
        assert name == rule.__name__.replace("_", "-")
    found = advise([RunFolder(run)])
    assert {one.rule for one in found} <= set(rules())
    assert [one.weight for one in found] == sorted((one.weight for one in found), reverse=True)
    assert all(json.dumps(one.to_json()) for one in found)


def test_nothing_is_said_of_nothing(tmp_path: Path) -> None:
    assert advise([]) == []
    empty = tmp_path / "empty"
    empty.mkdir()
    assert advise([RunFolder(empty)]) == []


def test_a_rising_validation_loss_is_overfitting(run: Path) -> None:
    curves(run, [1.0, 0.6, 0.4, 0.2], [1.0, 0.7, 0.8, 0.9])
    found = advice("overfitting", run)
    assert found is not None
    assert found.evidence["least_at_epoch"] == 2
    assert found.command == (
        f"toprung train /gone/pictures --recipe {run}/recipe.toml --set augment.mixup=0.2 --set model.drop_path=0.1"
    )
    curves(run, [1.0, 0.6, 0.3, 0.25], [1.0, 0.8, 0.7, 0.7])
    assert "much better on its own pictures" in advice("overfitting", run).sentence  # type: ignore[union-attr]
    curves(run, [1.0, 0.8, 0.75, 0.7], [0.9, 0.75, 0.7, 0.7])  # augmentation keeps the training loss up
    assert advice("overfitting", run) is None
    curves(run, [1.0, 0.8, 0.9, 1.0], [0.9, 0.7, 0.8, 0.9])  # both rise: it diverges, which is another matter
    assert advice("overfitting", run) is None


def test_a_loss_that_still_falls_asks_for_more_epochs(run: Path) -> None:
    curves(run, [1, 0.9, 0.8, 0.7], [1, 0.9, 0.8, 0.75])
    assert advice("still-improving", run).command.endswith("--epochs 8")  # type: ignore[union-attr]
    curves(run, [1, 0.9, 0.8, 0.7], [1, 0.9, 0.8, 0.795])
    assert advice("still-improving", run) is None
    curves(run, [1, 0.9, 0.8, 0.7], [1, 0.7, 0.8, 0.75])
    assert advice("still-improving", run) is None


def probe_beside(run: Path, answers: Sequence[int], labels: Sequence[int]) -> Path:
    probe = make_run(run.parent / "probe", pictures=60)
    change(probe, "run.json", lambda record: record.update(probe={"head": "linear"}))
    predict(probe, "val", of_labels(labels, answers))
    return probe


def test_a_probe_that_is_as_good_speaks_against_the_fine_tuning(run: Path) -> None:
    labels = [0, 1, 2] * 40
    wrong = [(label + 1) % 3 for label in labels]
    predict(run, "val", of_labels(labels, wrong[:20] + labels[20:]))
    found = advice("probe-against-fine-tuning", run, probe_beside(run, wrong[:10] + labels[10:], labels))
    assert found is not None
    assert "gained nothing" in found.sentence
    assert "--lr 0.0001" in found.command
    assert found.evidence["probe"] == pytest.approx(110 / 120)
    assert found.evidence["fine_tuned"] == pytest.approx(100 / 120)
    assert advice("probe-against-fine-tuning", run) is None


def test_a_large_gain_over_the_probe_asks_for_more_training(run: Path) -> None:
    labels = [0, 1, 2] * 40
    wrong = [(label + 1) % 3 for label in labels]
    predict(run, "val", of_labels(labels, labels))
    found = advice("probe-against-fine-tuning", run, probe_beside(run, wrong[:30] + labels[30:], labels))
    assert found is not None
    assert "gained much" in found.sentence
    (run / "recipe.toml").write_text((run / "recipe.toml").read_text().replace("lite0", "lite1"))
    assert advice("probe-against-fine-tuning", run, run.parent / "probe") is None  # other weights say nothing


def test_a_worse_test_split_is_a_shift(run: Path) -> None:
    labels = [0, 1, 2] * 100
    wrong = [(label + 1) % 3 for label in labels]
    predict(run, "val", of_labels(labels, wrong[:30] + labels[30:], kind="v"))
    predict(run, "test", of_labels(labels, wrong[:80] + labels[80:], kind="t"))
    assert "another kind" in advice("shift", run).sentence  # type: ignore[union-attr]
    predict(run, "test", of_labels(labels, wrong[:40] + labels[40:], kind="t"))
    assert advice("shift", run) is None
    predict(run, "test", of_labels(labels, labels, kind="t"))
    assert advice("shift", run) is None


def test_hard_classes_and_the_pair_most_confused(run: Path) -> None:
    labels = [0, 1, 2] * 60
    answers = [1 if label == 0 and i % 2 else label for i, label in enumerate(labels)]
    predict(run, "val", of_labels(labels, answers))
    assert list(advice("worst-classes", run).evidence["recall"]) == ["bird"]  # type: ignore[union-attr]
    pair = advice("confused-classes", run)
    assert pair is not None
    assert (pair.evidence["true"], pair.evidence["predicted"], pair.evidence["count"]) == ("bird", "cat", 30)
    predict(run, "val", of_labels(labels, labels))
    assert advice("worst-classes", run) is None
    assert advice("confused-classes", run) is None


def test_labels_in_doubt_are_counted(run: Path) -> None:
    labels = [0, 1, 2] * 60
    given = [(label + 1) % 3 if i < 6 else label for i, label in enumerate(labels)]
    predict(run, "val", of_labels(given, labels))
    found = advice("label-errors", run)
    assert found is not None
    assert found.evidence["candidates"] == 6
    assert "/gone/p0.jpg (cat, perhaps bird)" in found.sentence


def test_what_the_account_of_the_pictures_says(run: Path) -> None:
    def account(health: dict[str, Any]) -> None:
        health.update(leaks=[{}, {}], conflicts=[{}])
        health["counts"]["train"] = {"bird": 10, "cat": 100, "fish": 60}

    change(run, "data/health.json", account)
    assert advice("leaks", run).sentence.startswith("2 pictures stand in more")  # type: ignore[union-attr]
    assert advice("conflicts", run).sentence.startswith("1 picture stands")  # type: ignore[union-attr]
    assert "cat has 100 training pictures, bird 10" in advice("imbalance", run).sentence  # type: ignore[union-attr]
    change(run, "data/health.json", lambda health: health["counts"].update(train={"bird": 30, "cat": 100}))
    assert advice("imbalance", run) is None


def test_a_climb_keeps_the_account_beside_its_runs(run: Path) -> None:
    (run / "data/health.json").unlink()
    assert advice("conflicts", run) is None
    (run.parent / "data").mkdir()
    (run.parent / "data/health.json").write_text(json.dumps({"conflicts": [{}]}))
    assert advice("conflicts", run) is not None


def test_large_pictures_ask_for_a_larger_input(run: Path) -> None:
    assert advice("resolution", run) is None  # nothing says what the model sees
    recipe = (run / "recipe.toml").read_text()
    (run / "recipe.toml").write_text(recipe.replace("[model]", "[model]\nimg_size = 224"))
    assert advice("resolution", run).command.endswith("--img-size 320")  # type: ignore[union-attr]
    (run / "recipe.toml").write_text(recipe.replace("[model]", "[model]\nimg_size = 384"))
    assert advice("resolution", run) is None
    (run / "recipe.toml").write_text(recipe)
    (run / "model").mkdir()
    (run / "model/model.json").write_text(json.dumps({"preprocessing": {"size": [160, 192]}}))
    assert advice("resolution", run).evidence["img_size"] == 160  # type: ignore[union-attr]


def test_a_confidence_that_is_off_asks_for_calibration(run: Path) -> None:
    labels = [0, 1, 2] * 60
    predict(run, "val", of_labels(labels, labels[:90] + [0] * 90, confidence=0.99))
    assert advice("calibration", run).command == f"toprung calibrate {run}"  # type: ignore[union-attr]
    (run / "calibration.json").write_text("{}")
    assert advice("calibration", run) is None


def test_two_runs_that_chance_explains(run: Path) -> None:
    labels = [0, 1, 2] * 100
    wrong = [(label + 1) % 3 for label in labels]
    other = make_run(run.parent / "other", pictures=60)
    predict(run, "test", of_labels(labels, wrong[:10] + labels[10:]))
    predict(other, "test", of_labels(labels, labels[:290] + wrong[290:299] + labels[299:]))
    found = advice("few-test-pictures", run, other)
    assert found is not None
    assert found.evidence["difference"] == pytest.approx(1 / 300)
    assert found.evidence["smallest_difference"] > 1 / 300
    assert found.evidence["pictures_needed"] > 10_000
    predict(other, "test", of_labels(labels, labels))
    assert advice("few-test-pictures", run, other) is None


def test_the_terminal_shows_the_weightiest_with_their_commands() -> None:
    console = Console(record=True, width=60)
    print_advice([], console)
    assert console.export_text() == ""
    given = [Advice("shift", f"sentence {i} of [odd] names", {}, f"toprung train 'a [b]' {'x' * 80}") for i in range(4)]
    print_advice(given, console, most=3)
    text = console.export_text()
    assert "sentence 2 of [odd] names (shift)" in text
    assert f"toprung train 'a [b]' {'x' * 80}" in text
    assert "sentence 3" not in text
    assert "and 1 more" in text


@given(st.floats(0.01, 1.0), st.integers(50, 100_000))
def test_smallest_difference_and_pictures_needed_are_inverse(changed: float, pictures: int) -> None:
    smallest = smallest_difference(changed, pictures)
    assert 0 < smallest <= changed
    if smallest < changed * 0.999:
        assert pictures_needed(changed, smallest) == pytest.approx(pictures, abs=1)
        assert pictures_needed(changed, smallest * 0.9) > pictures


def test_so_many_pictures_have_the_power_promised() -> None:
    changed, difference = 0.2, 0.06
    pictures = pictures_needed(changed, difference)
    generator = np.random.default_rng(0)
    drawn = generator.multinomial(
        pictures, [(changed + difference) / 2, (changed - difference) / 2, 1 - changed], size=4000
    )
    first, second = drawn[:, 0], drawn[:, 1]
    p_values = np.minimum(1, 2 * binom.cdf(np.minimum(first, second), first + second, 0.5))
    # the exact test is a little more careful than the formula, which is that of the z test
    assert (p_values < 0.05).mean() == pytest.approx(0.78, abs=0.03)


FILES = ("run.json", "scores.json", "data/health.json")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(FILES))
def test_damaged_records_are_passed_over(data: st.DataObject, name: str, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    if not folder.exists():
        make_run(folder, pictures=60)
    whole = (folder / name).read_text()
    try:
        (folder / name).write_text(json.dumps(spoil(data, json.loads(whole))))
        if json.loads((folder / "run.json").read_text() or "{}") != {}:
            record = json.loads((folder / "run.json").read_text())
            if isinstance(record, dict) and isinstance(record.get("format"), int) and record["format"] > 1:
                return
        for one in advise([RunFolder(folder)]):
            assert one.sentence
    finally:
        (folder / name).write_text(whole)
