"""Alpha from two papers against the alpha that the pictures were made with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cutting.composites import (
    BLUE,
    ENCODINGS,
    GREEN,
    OBJECTS,
    RED,
    YELLOW,
    Composite,
    colours,
    composite,
    paper,
)
from toprung.cutting.triangulation import Triangulated, triangulate
from toprung.errors import CutoutError

SIZE = 120


def pair(name: str, encoding: str = "gamma", **second: object) -> tuple[Composite, Composite]:
    """Return two noise-free photos of one object, the second perhaps moved or exposed differently."""
    alpha, foreground = OBJECTS[name](SIZE, 1), colours(SIZE, 3)
    one = composite(alpha, foreground, paper(SIZE, RED, 5), encoding=encoding)
    two = composite(alpha, foreground, paper(SIZE, BLUE, 6), encoding=encoding, **second)  # type: ignore[arg-type]
    return one, two


def run(one: Composite, two: Composite, encoding: str | None = None) -> Triangulated:
    return triangulate(one.photo, one.background(), two.photo, two.background(), encoding=encoding)


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_exact_without_noise(name: str, encoding: str) -> None:
    one, two = pair(name, encoding)
    found = run(one, two)
    assert found.encoding == encoding
    assert np.abs(found.alpha - one.alpha).max() < 1e-3
    assert np.allclose(found.shift_matrix, np.eye(3))
    inside = one.alpha > 0.99
    if inside.any():
        assert np.abs(found.foreground - one.foreground)[inside].max() < 1e-3


def test_no_object_is_alpha_0() -> None:
    nothing = np.zeros((SIZE, SIZE), np.float32)
    one = composite(nothing, colours(SIZE), paper(SIZE, RED, 5), noise=0.01, seed=1)
    two = composite(nothing, colours(SIZE), paper(SIZE, BLUE, 6), noise=0.01, seed=2)
    assert run(one, two).alpha.mean() < 1e-3


def test_one_photo_twice_says_nothing_and_has_no_confidence() -> None:
    one, _ = pair("disc")
    found = run(one, one)
    assert found.confidence.max() < 0.2


def test_where_a_ground_is_unknown_there_is_no_confidence() -> None:
    one, two = pair("disc")
    valid = np.ones((SIZE, SIZE), bool)
    valid[:, :10] = False
    found = triangulate(one.photo, one.background(), two.photo, replace(two.background(), valid=valid))
    assert not found.confidence[:, :10].any()
    assert found.confidence[:, 12:].min() > 0.5


@pytest.mark.parametrize("gain", [(0.8, 0.8, 0.8), (1.2, 1.15, 1.1)], ids=["darker", "warmer"])
def test_exposure_of_the_second_photo(gain: tuple[float, float, float]) -> None:
    one, two = pair("soft", gain=gain)
    found = run(one, two)
    assert np.allclose(np.array(found.gain) * gain, 1, atol=0.02)
    assert np.abs(found.alpha - one.alpha).mean() < 4e-3


@pytest.mark.parametrize("shift", [(0.4, -0.3), (1.7, 1.2)], ids=["less than a pixel", "more"])
def test_moved_object(shift: tuple[float, float]) -> None:
    one, two = pair("disc", shift=shift)
    found = run(one, two)
    assert np.abs(found.shift_matrix[:2, 2] + shift).max() < 0.1 + SIZE * np.abs(found.shift_matrix[0, 1])
    centre = found.shift_matrix @ [SIZE / 2, SIZE / 2, 1]
    assert np.abs(centre[:2] - SIZE / 2 + shift).max() < 0.1
    assert np.abs(found.alpha - one.alpha).mean() < 4e-3


def test_shadow_is_not_object() -> None:
    y, x = np.mgrid[:SIZE, :SIZE]
    shade = (1 - 0.3 * np.exp(-(((x - 80) / 25) ** 2 + ((y - 85) / 20) ** 2))).astype(np.float32)
    alpha, foreground = OBJECTS["disc"](SIZE, 1), colours(SIZE, 3)
    one = composite(alpha, foreground, paper(SIZE, YELLOW, 5), noise=0.006, shade=shade, seed=1)
    two = composite(alpha, foreground, paper(SIZE, BLUE, 6), noise=0.006, shade=shade, seed=2)
    found = run(one, two, "gamma")
    assert found.alpha[alpha == 0].mean() < 4e-3


@pytest.mark.parametrize("name", ["disc", "soft", "holes"])
def test_noise_and_jpeg(name: str) -> None:
    alpha, foreground = OBJECTS[name](SIZE, 1), colours(SIZE, 3)
    shots = {"noise": 0.01, "quality": 92, "encoding": "linear"}
    one = composite(alpha, foreground, paper(SIZE, GREEN, 5), seed=1, **shots)  # type: ignore[arg-type]
    two = composite(alpha, foreground, paper(SIZE, RED, 6), seed=2, **shots)  # type: ignore[arg-type]
    error = run(one, two).alpha - alpha
    bare = one.plate - two.plate
    plain = np.clip(1 - ((one.photo - two.photo) * bare).sum(2) / (bare * bare).sum(2), 0, 1) - alpha
    assert np.abs(error).mean() < 0.5 * np.abs(plain).mean()
    assert (error**2).mean() < (plain**2).mean()


def test_sure_pixels_are_exactly_0_and_1() -> None:
    alpha, foreground = OBJECTS["disc"](SIZE, 1), colours(SIZE, 3)
    one = composite(alpha, foreground, paper(SIZE, GREEN, 5), noise=0.008, seed=1)
    two = composite(alpha, foreground, paper(SIZE, RED, 6), noise=0.008, seed=2)
    found = run(one, two).alpha
    assert (found[alpha == 0] == 0).mean() > 0.97
    assert (found[alpha == 1] == 1).mean() > 0.9


@settings(max_examples=8, deadline=None)
@given(name=st.sampled_from(sorted(OBJECTS)), seed=st.integers(0, 1000), noise=st.floats(0, 0.05))
def test_always_a_picture(name: str, seed: int, noise: float) -> None:
    alpha, foreground = OBJECTS[name](64, seed), colours(64, seed)
    one = composite(alpha, foreground, paper(64, RED, seed), noise=noise, seed=seed)
    two = composite(alpha, foreground, paper(64, BLUE, seed + 1), noise=noise, seed=seed + 1)
    found = run(one, two)
    for field in (found.alpha, found.foreground, found.confidence):
        assert field.dtype == np.float32
        assert np.isfinite(field).all()
        assert field.min() >= 0
        assert field.max() <= 1


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_order_of_the_photos_does_not_matter(seed: int) -> None:
    one, two = pair("soft")
    mirrored = run(two, one)
    assert np.abs(mirrored.alpha - run(one, two).alpha).max() < 2e-3


def test_sizes_must_agree() -> None:
    one, two = pair("disc")
    with pytest.raises(CutoutError, match="119 × 120, 120 × 120"):
        triangulate(one.photo, one.background(), two.photo[:, :-1], two.background())


def test_unknown_encoding() -> None:
    one, two = pair("disc")
    with pytest.raises(CutoutError, match="no encoding 'srgb'"):
        run(one, two, "srgb")


def test_inputs_are_left_alone() -> None:
    one, two = pair("disc")
    before = one.photo.copy(), two.photo.copy(), one.plate.copy()
    run(one, two)
    for was, now in zip(before, (one.photo, two.photo, one.plate), strict=True):
        assert np.array_equal(was, now)
