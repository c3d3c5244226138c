"""Trials: a scene with its candidates and the truth, made of a case and kept in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.cutout_cases import GROUNDS, GROUPS, Case, make_case
from benchmarks.cutout_judge.corruptions import draw
from benchmarks.cutout_judge.scenes import aligned_scene, bare_scene, border_scene, plate_scene, surface
from benchmarks.cutout_judge.simple import SIMPLE, closed_form_of, guided
from toprung.cutting.masks.registry import load_maskers
from toprung.cutting.scene import Alpha, Background, Scene

SceneMaker = Callable[[Case, np.random.Generator], Scene | None]
_ON: dict[str, tuple[SceneMaker, ...]] = {
    "paper": (plate_scene, border_scene, aligned_scene, plate_scene, bare_scene, plate_scene),
    "photograph": (plate_scene, aligned_scene, plate_scene, plate_scene),
}


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
    """Make the case of an index and let all methods cut it."""
    case, rng = case_of(index, objects, side)
    kinds = _ON[case.ground]
    kind = kinds[index // (len(GROUPS) * len(GROUNDS)) % len(kinds)]
    scene = kind(case, rng) or plate_scene(case, rng)
    seen = border_scene(case, rng) if scene.background is None else scene
    alphas = {name: method(seen, rng) for name, method in SIMPLE.items()}
    if scene.background is not None and scene.background.source == "plate":
        border = border_scene(case, rng)
        names = ("soft_difference", "shadowless_difference")
        alphas |= {f"border_{name}": SIMPLE[name](border, rng) for name in names}
    some = rng.choice(list(alphas), 5, replace=False)
    alphas["median"] = np.median([alphas[name] for name in some], axis=0).astype(np.float32)
    alphas["mean"] = np.mean([alphas[name] for name in some], axis=0).astype(np.float32)
    return Trial(scene, alphas, case.alpha)


def with_maskers(trial: Trial) -> Trial:
    """Add the masks of toprung's own maskers, and what a guided filter and closed-form matting make of them."""
    seen = trial.scene
    if seen.background is None:
        seen = Scene(seen.rgb, surface(seen.rgb), seen.name)
    alphas = dict(trial.alphas)
    for name, masker in load_maskers().items():
        if name not in alphas:
            alphas[name] = masker(seen)
            alphas[f"{name}, guided"] = guided(seen.rgb, alphas[name], 4)
            alphas[f"{name}, closed form"] = closed_form_of(seen.rgb, alphas[name], 5, 7)
    return Trial(trial.scene, alphas, trial.truth)


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
    """Yield sets of candidates to judge together: all, some, some with corrupted ones among them, one."""
    names = list(trial.alphas)
    yield "all methods", trial.alphas
    some = {str(name): trial.alphas[str(name)] for name in rng.choice(names, int(rng.integers(3, 7)), replace=False)}
    yield "some methods", some
    sources = some | {"truth": trial.truth}
    worse = draw(rng, sources, int(rng.integers(2, 6)))
    yield "with corrupted", some | worse
    pool = list((trial.alphas | worse).items())
    name, alpha = pool[int(rng.integers(len(pool)))]
    yield "one alone", {name: alpha}


def truth_at(trial: Trial, size: tuple[int, int]) -> Alpha:
    """The truth at a working size (width, height)."""
    if trial.truth.shape[::-1] == size:
        return trial.truth
    return np.asarray(cv2.resize(trial.truth, size, interpolation=cv2.INTER_AREA))
