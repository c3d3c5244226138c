"""Filling, noise, halved colours and springs, each against what it must be."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.cutting.composites import OBJECTS, RED, colours, composite, decode, encode, paper
from toprung.cutting.foreground.chroma import from_opponent, has_half_colour, opponent, spread_colour
from toprung.cutting.foreground.encodings import ENCODINGS
from toprung.cutting.foreground.fill import fill
from toprung.cutting.foreground.grid import Colours, Grid
from toprung.cutting.foreground.light import ground_light
from toprung.cutting.foreground.spread import neighbour_spread, noise_level


def test_linear_light_is_srgb() -> None:
    values = np.linspace(0, 1, 1001, dtype=np.float32)
    way = ENCODINGS["linear"]
    assert np.allclose(way.mixed(values), decode(values), atol=1e-6)
    assert np.allclose(way.encoded(way.mixed(values)), values, atol=1e-5)
    assert np.allclose(way.encoded(values), encode(values), atol=1e-5)
    slope = (way.mixed(values + 1e-3) - way.mixed(values - 1e-3)) / 2e-3
    assert np.allclose(way.slope(values)[50:], slope[50:], rtol=0.01)


def test_fill_keeps_what_is_known_and_continues_it() -> None:
    field = np.full((60, 70), 0.3, np.float32)
    weight = np.zeros_like(field)
    weight[10:20, 10:20] = 1
    whole = fill(np.where(weight > 0, field, 9.0).astype(np.float32), weight)
    assert np.allclose(whole, 0.3, atol=1e-5)
    assert not fill(field, np.zeros_like(field)).any()


def test_fill_stays_within_the_known_values() -> None:
    rng = np.random.default_rng(0)
    field, weight = rng.random((37, 53)).astype(np.float32), (rng.random((37, 53)) < 0.05).astype(np.float32)
    whole = fill(field, weight)
    known = weight > 0
    assert np.allclose(whole[known], field[known])
    assert whole.min() >= field[known].min() - 1e-5
    assert whole.max() <= field[known].max() + 1e-5


@pytest.mark.parametrize("sigma", [0.01, 0.03])
def test_noise_level(sigma: float) -> None:
    noisy = colours(200) + np.random.default_rng(0).normal(0, sigma, (200, 200, 3)).astype(np.float32)
    assert noise_level(noisy, 0.0) == pytest.approx(sigma, rel=0.35)


def test_neighbour_spread_of_a_ramp() -> None:
    ramp = np.repeat(np.arange(100, dtype=np.float32)[None, :, None] * 0.01, 20, axis=0).repeat(3, axis=2)
    assert neighbour_spread(ramp, np.ones((20, 100), bool), 0.0, 0.001, 9.0) == pytest.approx(0.01, rel=0.01)
    assert neighbour_spread(ramp, np.zeros((20, 100), bool), 0.0, 0.001, 9.0) == 9.0


def test_opponent_and_back() -> None:
    rgb = colours(20)
    assert np.allclose(from_opponent(opponent(rgb)), rgb, atol=1e-5)
    grey = opponent(np.full((1, 3), 0.5, np.float32))
    assert np.allclose(grey[:, 1:], 0, atol=1e-6)


@pytest.mark.parametrize(("subsampling", "halved"), [(0, False), (2, True)], ids=["4:4:4", "4:2:0"])
@pytest.mark.parametrize("quality", [75, 95])
def test_halved_colours_are_recognised(subsampling: int, halved: bool, quality: int) -> None:
    alpha, front = OBJECTS["holes"](160, 1), colours(160, 2)
    photo = composite(alpha, front, paper(160, RED, 1), noise=0.01).photo
    file = io.BytesIO()
    Image.fromarray(np.round(photo * 255).astype(np.uint8)).save(file, "JPEG", quality=quality, subsampling=subsampling)
    stored = np.asarray(Image.open(file), np.float32) / 255
    assert has_half_colour(stored) is halved
    assert has_half_colour(np.ascontiguousarray(stored[1:, 1:].transpose(1, 0, 2))) is halved
    assert not has_half_colour(photo)


def test_spread_among_the_unknown_is_the_filter() -> None:
    unknown = np.ones((12, 15), bool)
    field = np.random.default_rng(0).random((12, 15, 2)).astype(np.float32)
    grid = Grid(unknown)
    values = Colours(grid).spread(field.reshape(-1, 2)).reshape(field.shape)
    assert np.allclose(values[2:-2, 2:-2], spread_colour(field)[2:-2, 2:-2], atol=1e-6)


def test_light_of_a_shadow() -> None:
    bare = paper(96, RED, 1)
    x = np.linspace(0, 1, 96, dtype=np.float32)[None]
    shade = np.broadcast_to(0.7 + 0.3 * x, (96, 96))
    known = np.ones((96, 96), bool)
    known[40:56, 40:56] = False
    found = ground_light(bare * shade[..., None], bare, known)
    assert np.abs(found - shade)[4:-4, 4:-4].max() < 0.03
    assert np.allclose(ground_light(bare, bare, np.zeros((96, 96), bool)), 1)
