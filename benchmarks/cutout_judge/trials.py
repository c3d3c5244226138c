"""Trials: a scene with its candidates and the truth, made of a case and kept in a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from benchmarks.cutout_cases import GROUNDS, GROUPS, Case, make_case
from benchmarks.cutout_judge.corruptions import draw
from benchmarks.cutout_judge.scenes import aligned, bare, jittered, surface
from benchmarks.cutout_judge.simple import SIMPLE
from toprung.cutting.fuse import fuse_alphas
from toprung.cutting.methods.registry import load_methods
from toprung.cutting.scene import Alpha, Background, Scene

_ON = {
    "paper": (jittered, bare, aligned, jittered, bare, jittered),
    "photograph": (jittered, aligned, jittered, jittered),
}
_SLOW = ("network", "knn", "learning-based")  # the first needs a model; PyMatting's two take seconds each
_SIMPLE = "simple "
_EMPTY = 23  # one in so many cases to fit on shows no object


@dataclass(frozen=True, eq=False)
class Trial:
    """A scene, what the methods made of it, and the truth."""

    scene: Scene
    alphas: dict[str, Alpha]
    truth: Alpha


def case_of(index: int, objects: str, side: tuple[int, int] = (300, 600)) -> tuple[Case, np.random.Generator]:
    """Return the case of an index, groups and grounds in turn, its size drawn, and a generator for what follows."""
    rng = np.random.default_rng([index, objects == "test", 6])
    height, width = (int(rng.integers(*side)) for _ in range(2))
    group, ground = GROUPS[index % len(GROUPS)], GROUNDS[index // len(GROUPS) % len(GROUNDS)]
    return make_case(10_000 + index, group, ground, objects, (height, width)), rng


def make_trial(index: int, objects: str, side: tuple[int, int] = (300, 600)) -> Trial:
    """Make the case of an index and let all methods cut it, the pipeline's and the simple ones."""
    case, rng = case_of(index, objects, side)
    if objects == "train" and index % _EMPTY == _EMPTY // 2:
        case = _emptied(case, rng)
    kinds = _ON[case.ground]
    turn = index // (len(GROUPS) * len(GROUNDS))
    materials = kinds[turn % len(kinds)](case, rng)
    alphas = {}
    for name, method in load_methods().items():
        alpha = None if name in _SLOW else method.solve(materials)
        if alpha is not None:
            alphas[name] = np.asarray(alpha, np.float32)
    scene = materials.scene
    seen = scene if scene.background is not None else Scene(scene.rgb, surface(scene.rgb), scene.name)
    alphas |= {_SIMPLE + name: method(seen, rng) for name, method in SIMPLE.items()}
    if materials.plate is None and rng.random() < 0.4:
        scene = Scene(scene.rgb, None, scene.name)  # the judge must also do without any background
    return Trial(scene, alphas, case.alpha)


def _emptied(case: Case, rng: np.random.Generator) -> Case:
    """The case with another picture of the plate as its photo: there is nothing to cut."""
    noise = rng.normal(0, rng.uniform(0.5, 3), case.plate.shape)
    photo = np.clip(case.plate * rng.uniform(0.95, 1.05) + noise, 0, 255).round().astype(np.uint8)
    return replace(case, photo=photo, matrix=np.eye(3), alpha=np.zeros_like(case.alpha))


def keep(trial: Trial, path: Path) -> None:
    """Write a trial, alphas in 8 bits."""
    parts = {f"alpha/{name}": np.round(alpha * 255).astype(np.uint8) for name, alpha in trial.alphas.items()}
    background = trial.scene.background
    if background is not None:
        parts |= {"background": background.rgb.astype(np.float16), "sigma": background.sigma.astype(np.float16)}
        parts |= {"valid": background.valid, "source": np.array(background.source)}
    photo = np.round(trial.scene.rgb * 255).astype(np.uint8)
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, photo=photo, truth=trial.truth.astype(np.float16), name=np.array(trial.scene.name), **parts)
    partial.rename(path)


def load(path: Path) -> Trial:
    """Read a trial."""
    with np.load(path) as parts:
        background = None
        if "background" in parts:
            rgb, sigma = parts["background"].astype(np.float32), parts["sigma"].astype(np.float32)
            background = Background(rgb, sigma, parts["valid"], str(parts["source"]))
        scene = Scene(parts["photo"].astype(np.float32) / 255, background, str(parts["name"]))
        names = [key for key in parts.files if key.startswith("alpha/")]
        alphas = {name[6:]: parts[name].astype(np.float32) / 255 for name in names}
        return Trial(scene, alphas, np.clip(parts["truth"].astype(np.float32), 0, 1))


def line_ups(trial: Trial, rng: np.random.Generator) -> Iterator[tuple[str, dict[str, Alpha]]]:
    """Yield sets of candidates to judge together.

    Those of the pipeline as it runs by default, those of all its methods, some of all that there are, some with
    corrupted ones among them, and one alone.
    """
    own = {name: alpha for name, alpha in trial.alphas.items() if not name.startswith(_SIMPLE)}
    default = [name for name in own if load_methods()[name].default]
    if default:
        yield "pipeline", _with_fused({name: own[name] for name in default})
    if len(own) > 1:
        yield "all methods", _with_fused(own)
    names = list(trial.alphas)
    some = {str(name): trial.alphas[str(name)] for name in rng.choice(names, int(rng.integers(3, 8)), replace=False)}
    yield "some, with simple ones", some
    few = {name: some[name] for name in list(some)[: int(rng.integers(1, 5))]}
    worse = draw(rng, few | {"truth": trial.truth}, int(rng.integers(2, 6)))
    yield "some, with corrupted ones", few | worse
    pool = list((trial.alphas | worse).items())
    name, alpha = pool[int(rng.integers(len(pool)))]
    yield "one alone", {name: alpha}


def _with_fused(alphas: dict[str, Alpha]) -> dict[str, Alpha]:
    """Add the fusion of all, as if the judge thought the same of each."""
    return alphas | ({"fused": fuse_alphas(alphas, dict.fromkeys(alphas, 0.01))} if len(alphas) > 1 else {})


def truth_at(trial: Trial, size: tuple[int, int]) -> Alpha:
    """The truth at a working size (width, height)."""
    if trial.truth.shape[::-1] == size:
        return trial.truth
    return np.asarray(cv2.resize(trial.truth, size, interpolation=cv2.INTER_AREA))
