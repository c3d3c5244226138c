from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from tests.cutting.judge.scenes import dilated, eroded, made_up, shifted
from toprung.cutting.align.alignment import Alignment
from toprung.cutting.judge import judge, rank
from toprung.cutting.scene import Background, Scene
from toprung.errors import CutoutError


def _corrupted(alpha: np.ndarray, shadow: np.ndarray) -> dict[str, np.ndarray]:
    filled = np.maximum(alpha, cv2.morphologyEx(alpha, cv2.MORPH_CLOSE, np.ones((41, 41), np.uint8)))
    missing = alpha.copy()
    missing[: alpha.shape[0] // 2, : alpha.shape[1] // 2] = 0
    return {
        "eroded": eroded(alpha, 3),
        "dilated": dilated(alpha, 3),
        "shifted": shifted(alpha, 4),
        "filled": filled,
        "missing": missing,
        "shadow": np.maximum(alpha, (shadow > 0.3).astype(np.float32)),
        "blurred": cv2.GaussianBlur(alpha, (0, 0), 6),
        "empty": np.zeros_like(alpha),
        "full": np.ones_like(alpha),
    }


@pytest.mark.parametrize("source", ["plate", "border"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_truth_is_ranked_first_and_errors_in_their_order(seed: int, source: str) -> None:
    from scipy.stats import spearmanr

    scene, alpha, shadow = made_up(seed, source=source)
    candidates = _corrupted(alpha, shadow) | {"truth": alpha}
    verdicts = rank(scene, candidates)
    assert next(iter(verdicts)) == "truth"
    true = [float(np.abs(candidates[name] - alpha).mean()) for name in verdicts]
    assert spearmanr(true, [one.expected_error for one in verdicts.values()])[0] > 0.9


@pytest.mark.parametrize("kind", ["eroded", "dilated", "shifted", "filled", "missing", "shadow", "empty", "full"])
def test_each_corruption_alone_is_worse_than_the_truth_alone(kind: str) -> None:
    scene, alpha, shadow = made_up()
    worse = judge(scene, {"x": _corrupted(alpha, shadow)[kind]}, "x")
    assert judge(scene, {"x": alpha}, "x").expected_error < worse.expected_error


@pytest.mark.parametrize("corrupt", [eroded, dilated, shifted])
def test_expected_error_grows_with_the_corruption(corrupt) -> None:
    scene, alpha, _ = made_up()
    candidates = {str(amount): corrupt(alpha, amount) for amount in (1, 3, 6, 10)} | {"0": alpha}
    verdicts = rank(scene, candidates)
    assert list(verdicts) == ["0", "1", "3", "6", "10"]


def test_the_truth_is_good_and_a_lost_half_has_failed() -> None:
    scene, alpha, _ = made_up()
    half = alpha.copy()
    half[:, alpha.shape[1] // 2 :] = 0
    verdicts = rank(scene, {"truth": alpha, "half": half})
    assert verdicts["truth"].status == "good"
    assert verdicts["truth"].place is None
    failed = verdicts["half"]
    assert failed.status == "failed"
    assert any("parts of the object lost" in reason.lower() for reason in failed.reasons)
    assert failed.place is not None
    x, y, width, height = failed.place
    assert x + width / 2 > alpha.shape[1] / 2
    assert x >= 0 and y >= 0 and x + width <= alpha.shape[1] and y + height <= alpha.shape[0]


def test_the_interval_holds_the_expected_error_and_the_faults_add_up() -> None:
    scene, alpha, shadow = made_up()
    for verdict in rank(scene, _corrupted(alpha, shadow)).values():
        low, high = verdict.interval
        assert 0 <= low <= verdict.expected_error <= high <= 1
        parts = ("rim_kept", "shadow_kept", "background_kept", "rim_lost", "object_lost")
        assert sum(verdict.measures[name] for name in parts) == pytest.approx(verdict.measures["raw_error"])


def test_the_faults_are_called_by_their_names() -> None:
    scene, alpha, shadow = made_up()
    candidates = _corrupted(alpha, shadow) | {"truth": alpha}
    verdicts = rank(scene, candidates)
    leading = {
        "dilated": "rim of background kept",
        "eroded": "outline cut into the object",
        "filled": "background kept",
        "missing": "parts of the object lost",
        "empty": "nothing was cut out",
    }
    for name, words in leading.items():
        assert any(words in reason.lower() for reason in verdicts[name].reasons), (name, verdicts[name].reasons)


def test_no_object_is_said() -> None:
    scene, alpha, _ = made_up()
    assert scene.background is not None
    rng = np.random.default_rng(5)
    photo = np.clip(scene.background.rgb + rng.normal(0, 0.008, scene.rgb.shape), 0, 1).astype(np.float32)
    nothing = Scene(photo, scene.background, "nothing")
    verdict = judge(nothing, {"empty": np.zeros_like(alpha)}, "empty")
    assert verdict.status == "check"
    assert verdict.reasons[0].startswith("No object is seen")
    assert judge(nothing, {"disc": alpha, "empty": np.zeros_like(alpha)}, "disc").status == "failed"


def test_all_object_is_said_or_refused() -> None:
    scene, alpha, _ = made_up()
    assert judge(scene, {"full": np.ones_like(alpha)}, "full").status == "failed"
    covered = Scene(made_up(3)[0].rgb[40:80, 70:110].copy(), None, "covered")
    verdict = judge(covered, {"full": np.ones((40, 40), np.float32)}, "full")
    assert verdict.status in {"check", "failed"}


def test_without_any_background_the_truth_is_still_first() -> None:
    scene, alpha, shadow = made_up()
    bare = Scene(scene.rgb, None, "bare")
    candidates = {"truth": alpha} | {k: v for k, v in _corrupted(alpha, shadow).items() if k in ("dilated", "missing")}
    assert next(iter(rank(bare, candidates))) == "truth"


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (1, 40), (7, 5), (16, 16)])
@pytest.mark.parametrize("known", [True, False])
def test_tiny_pictures_are_judged(shape: tuple[int, int], known: bool) -> None:
    rng = np.random.default_rng(0)
    rgb = rng.random((*shape, 3), dtype=np.float32)
    background = Background(rgb[::-1].copy(), np.full(shape, 0.01, np.float32), np.ones(shape, bool), "plate")
    scene = Scene(rgb, background if known else None, "tiny")
    verdicts = rank(scene, {"zero": np.zeros(shape, np.float32), "some": rng.random(shape, dtype=np.float32)})
    for verdict in verdicts.values():
        assert np.isfinite(verdict.expected_error)
        assert verdict.status in {"good", "check", "failed"}


def test_the_judgement_does_not_depend_on_resolution() -> None:
    scene, alpha, shadow = made_up()
    assert scene.background is not None
    small = rank(scene, _corrupted(alpha, shadow))
    background = scene.background
    grown = [_grown(one, 5) for one in (scene.rgb, background.rgb, background.sigma)]
    wide = Background(grown[1], grown[2], np.ones(grown[2].shape, bool), "plate")
    large = rank(
        Scene(grown[0], wide, "large"), {name: _grown(one, 5) for name, one in _corrupted(alpha, shadow).items()}
    )
    for name, verdict in small.items():
        assert large[name].expected_error == pytest.approx(verdict.expected_error, rel=0.35, abs=2e-3), name
        if verdict.place and large[name].place:
            assert np.array(large[name].place) / 5 == pytest.approx(np.array(verdict.place), abs=25)


def test_background_in_the_foreground_colours_is_told() -> None:
    scene, alpha, _ = made_up()
    soft = cv2.GaussianBlur(alpha, (0, 0), 2)
    clean = np.broadcast_to(np.float32([0.2, 0.35, 0.7]), scene.rgb.shape).astype(np.float32)
    assert scene.background is not None
    stained = judge(scene, {"soft": soft}, "soft", foreground=scene.background.rgb)
    assert stained.measures["spill"] > 0.8
    assert any("soft pixels' colours" in reason for reason in stained.reasons)
    assert judge(scene, {"soft": soft}, "soft", foreground=clean).measures["spill"] < 0.1


def test_a_doubtful_alignment_is_told() -> None:
    scene, alpha, _ = made_up()
    nothing = np.zeros(alpha.shape, np.float32)
    alignment = Alignment(
        np.eye(3), scene.rgb, nothing == 0, 2.5, "aligned", "affine", "search", 9, 1.0, np.ones(3), np.zeros(3), nothing
    )
    verdict = judge(scene, {"a": alpha}, "a", alignment=alignment)
    assert any("2.5 pixels" in reason for reason in verdict.reasons)


def test_rank_and_judge_agree_and_nothing_given_is_changed() -> None:
    scene, alpha, shadow = made_up()
    candidates = _corrupted(alpha, shadow)
    before = {name: one.copy() for name, one in candidates.items()}
    verdicts = rank(scene, candidates)
    alone = judge(scene, candidates, "shifted")
    assert alone.expected_error == verdicts["shifted"].expected_error
    assert alone.reasons == verdicts["shifted"].reasons
    for name, one in candidates.items():
        assert np.array_equal(one, before[name])


@pytest.mark.parametrize(
    ("alphas", "name", "words"),
    [
        ({}, "a", "no candidate"),
        ({"a": np.zeros((3, 3), np.float32)}, "a", "the photo's size"),
        ({"a": np.full((160, 200), 255, np.float32)}, "a", "255"),
        ({"a": np.full((160, 200), np.nan, np.float32)}, "a", "leaves [0, 1]"),
        ({"median": np.zeros((160, 200), np.float32)}, "medan", "Did you mean median"),
    ],
    ids=["none", "size", "range", "nan", "name"],
)
def test_what_cannot_be_judged_is_refused_in_one_sentence(alphas, name: str, words: str) -> None:
    scene, _, _ = made_up()
    with pytest.raises(CutoutError) as caught:
        judge(scene, alphas, name)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_megapixel_is_judged_quickly() -> None:
    scene, alpha, shadow = made_up(height=1000, width=1000)
    candidates = {"truth": alpha, "shadow": np.maximum(alpha, shadow)}
    rank(scene, candidates)
    start = time.process_time()
    rank(scene, candidates)
    assert time.process_time() - start < 3  # 0.3 on a quiet core


def _grown(picture: np.ndarray, times: int) -> np.ndarray:
    size = picture.shape[1] * times, picture.shape[0] * times
    return np.clip(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), 0, 1)
