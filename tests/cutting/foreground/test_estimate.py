"""Foreground colours against those that the pictures were made with, and against PyMatting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.cutting.composites import BLUE, ENCODINGS, GREEN, OBJECTS, YELLOW, Composite, colours, composite, paper
from toprung.cutting.foreground import estimate, estimate_foreground
from toprung.errors import CutoutError

SIZE = 120
MIXED = (0.1, 0.9)


def made(name: str, encoding: str = "gamma", seed: int = 1, **shot: object) -> Composite:
    alpha, foreground = OBJECTS[name](SIZE, seed), colours(SIZE, seed + 2)
    return composite(alpha, foreground, paper(SIZE, GREEN, 5), encoding=encoding, seed=seed, **shot)  # type: ignore[arg-type]


def levels(found: np.ndarray, case: Composite) -> float:
    """Return the mean absolute error of mixed pixels in levels of 8 bits."""
    mixed = (case.alpha > MIXED[0]) & (case.alpha < MIXED[1])
    return 255 * float(np.abs(found - case.foreground)[mixed].mean())


def inverted(case: Composite) -> np.ndarray:
    share = np.maximum(case.alpha, 0.02)[..., None]
    return np.clip(case.plate + (case.photo - case.plate) / share, 0, 1)


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_close_without_noise(name: str, encoding: str) -> None:
    case = made(name, encoding)
    assert levels(estimate_foreground(case.photo, case.alpha, case.background(), encoding=encoding), case) < 2


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
@pytest.mark.parametrize("name", ["disc", "soft", "hairs"])
def test_the_encoding_is_found(name: str, encoding: str) -> None:
    case = made(name, encoding)
    found = estimate_foreground(case.photo, case.alpha, case.plate)
    told = estimate_foreground(case.photo, case.alpha, case.plate, encoding=encoding)
    assert np.array_equal(found, told)


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_better_than_inversion_with_the_plate(name: str, encoding: str) -> None:
    case = made(name, encoding, noise=0.015, quality=90)
    assert levels(estimate_foreground(case.photo, case.alpha, case.plate), case) < 0.85 * levels(inverted(case), case)


@pytest.mark.parametrize("name", ["disc", "soft", "holes", "hairs"])
def test_better_than_pymatting_without_a_plate(name: str) -> None:
    pymatting = pytest.importorskip("pymatting")
    case = made(name, noise=0.01)
    peer = pymatting.estimate_foreground_ml(case.photo.astype(np.float64), case.alpha.astype(np.float64))
    assert levels(estimate_foreground(case.photo, case.alpha), case) < levels(peer, case)


def test_agrees_with_pymatting_on_flat_colours() -> None:
    pymatting = pytest.importorskip("pymatting")
    alpha = OBJECTS["soft"](SIZE, 1)
    flat = np.full((SIZE, SIZE, 3), (0.7, 0.2, 0.4), np.float32)
    ground = np.full((SIZE, SIZE, 3), (0.2, 0.5, 0.6), np.float32)
    case = composite(alpha, flat, ground)
    peer = pymatting.estimate_foreground_ml(case.photo.astype(np.float64), alpha.astype(np.float64))
    own = estimate_foreground(case.photo, alpha, encoding="gamma")
    seen = alpha > 0.05
    assert np.abs(own - flat)[seen].max() < 0.02
    assert np.abs(own - peer)[seen].mean() < 0.02


@pytest.mark.parametrize("colour", [(1, 1, 1), (0, 0, 0), (0, 0, 1)], ids=["white", "black", "blue"])
@pytest.mark.parametrize("name", ["disc", "soft", "hairs"])
def test_no_halo(name: str, colour: tuple[float, float, float]) -> None:
    case = made(name, noise=0.008, quality=92)
    found = estimate_foreground(case.photo, case.alpha, case.plate, encoding="gamma")
    share, ground = case.alpha[..., None], np.asarray(colour, np.float32)
    rim = (case.alpha > 0) & (case.alpha < 1)
    laid, true = (share * front + (1 - share) * ground for front in (found, case.foreground))
    copied = share * case.photo + (1 - share) * ground
    halo = np.abs((laid - true)[rim].mean(axis=0)).max()
    assert halo < 1.5 / 255
    assert halo < 0.5 * np.abs((copied - true)[rim].mean(axis=0)).max()


def test_spill_of_the_ground_is_gone() -> None:
    alpha = OBJECTS["soft"](SIZE, 1)
    grey = np.full((SIZE, SIZE, 3), 0.5, np.float32)
    case = composite(alpha, grey, paper(SIZE, YELLOW, 5), noise=0.008)
    found = estimate_foreground(case.photo, alpha, case.plate, encoding="gamma")
    casts = [(field[..., :2].mean(axis=2) - field[..., 2])[alpha > 0.1].mean() for field in (found, case.photo)]
    assert abs(casts[0]) < min(0.08 * casts[1], 3 / 255)


def test_a_shadow_that_the_plate_lacks() -> None:
    y, x = np.mgrid[:SIZE, :SIZE]
    shade = (1 - 0.35 * np.exp(-(((x - 60) / 40) ** 2 + ((y - 85) / 30) ** 2))).astype(np.float32)
    case = made("soft", shade=shade, noise=0.006)
    found = estimate_foreground(case.photo, case.alpha, case.plate, encoding="gamma")
    assert levels(found, case) < 0.85 * levels(inverted(case), case)


def test_opaque_pixels_keep_the_photo() -> None:
    case = made("disc", noise=0.02)
    found = estimate_foreground(case.photo, case.alpha, case.plate)
    assert np.array_equal(found[case.alpha == 1], case.photo[case.alpha == 1])


@pytest.mark.parametrize("plate", [True, False], ids=["plate", "no plate"])
@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (33, 17)], ids=str)
def test_any_size_and_no_object(shape: tuple[int, int], value: float, plate: bool) -> None:
    photo = np.random.default_rng(0).random((*shape, 3)).astype(np.float32)
    alpha = np.full(shape, value, np.float32)
    found = estimate_foreground(photo, alpha, photo[::-1].copy() if plate else None)
    assert found.shape == photo.shape
    assert np.isfinite(found).all()


@settings(max_examples=8, deadline=None)
@given(name=st.sampled_from(sorted(OBJECTS)), seed=st.integers(0, 1000), noise=st.floats(0, 0.1), plate=st.booleans())
def test_always_a_picture(name: str, seed: int, noise: float, plate: bool) -> None:
    case = composite(OBJECTS[name](48, seed), colours(48, seed), paper(48, BLUE, seed), noise=noise, seed=seed)
    found = estimate_foreground(case.photo, case.alpha, case.plate if plate else None)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert found.max() <= 1


def test_tiles_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    case = made("soft", noise=0.01)
    whole = estimate_foreground(case.photo, case.alpha, case.plate)
    monkeypatch.setattr(estimate, "_TILE", 50)
    assert np.abs(estimate_foreground(case.photo, case.alpha, case.plate) - whole)[case.alpha > 0.1].max() < 0.02


def test_files_and_pictures_give_the_same(tmp_path: Path) -> None:
    case = made("disc")
    photo, alpha, plate = (np.round(field * 255).astype(np.uint8) for field in (case.photo, case.alpha, case.plate))
    paths = [tmp_path / f"{name}.png" for name in ("photo", "alpha", "plate")]
    pictures = [Image.fromarray(field) for field in (photo, alpha, plate)]
    for path, picture in zip(paths, pictures, strict=True):
        picture.save(path)
    from_arrays = estimate_foreground(photo, alpha, plate)
    assert np.array_equal(estimate_foreground(*paths), from_arrays)
    assert np.array_equal(estimate_foreground(*pictures), from_arrays)


def test_inputs_are_left_alone() -> None:
    case = made("soft")
    before = case.photo.copy(), case.alpha.copy(), case.plate.copy()
    estimate_foreground(case.photo, case.alpha, case.plate)
    for was, now in zip(before, (case.photo, case.alpha, case.plate), strict=True):
        assert np.array_equal(was, now)


def test_sizes_must_agree() -> None:
    case = made("disc")
    with pytest.raises(CutoutError, match="alpha is 119 × 120 pixels and the photo 120 × 120"):
        estimate_foreground(case.photo, case.alpha[:, 1:])
    with pytest.raises(CutoutError, match="plate is 120 × 119 pixels and the photo 120 × 120"):
        estimate_foreground(case.photo, case.alpha, case.plate[1:])


def test_unknown_encoding() -> None:
    case = made("disc")
    with pytest.raises(CutoutError, match=r"no encoding 'gama'.*Did you mean gamma"):
        estimate_foreground(case.photo, case.alpha, encoding="gama")
