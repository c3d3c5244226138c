"""The NumPy resizer against torch's kernels, bit by bit, and against Pillow's picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.nn import functional as F

from toprung.images.antialiased import INTERPOLATIONS, resize

SIDES = st.integers(1, 150)


def by_torch(pixels: np.ndarray, height: int, width: int, interpolation: str) -> np.ndarray:
    batch = torch.from_numpy(pixels)[None].permute(0, 3, 1, 2)
    return F.interpolate(batch, (height, width), mode=interpolation, antialias=True)[0].permute(1, 2, 0).numpy()


@settings(max_examples=150)
@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(sorted(INTERPOLATIONS)), st.booleans(), st.integers(0, 999))
def test_the_bits_are_those_of_torch(
    tall: int, wide: int, height: int, width: int, interpolation: str, hard: bool, seed: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (tall, wide, 3), dtype=np.uint8)
    if hard:  # black and white: the bicubic filter overshoots and must be clipped
        pixels = np.where(pixels > 127, 255, 0).astype(np.uint8)
    ours = resize(pixels, height, width, interpolation)
    np.testing.assert_array_equal(ours, by_torch(pixels, height, width, interpolation))


@pytest.mark.parametrize("interpolation", sorted(INTERPOLATIONS))
@pytest.mark.parametrize("shape", [(1500, 900), (33, 4000)])
def test_the_bits_are_those_of_torch_for_large_pictures(shape: tuple[int, int], interpolation: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    flipped = pixels[:, ::-1]  # strides below zero
    ours = resize(flipped, 96, 11, interpolation)
    np.testing.assert_array_equal(ours, by_torch(flipped.copy(), 96, 11, interpolation))


def test_it_is_pillows_picture_but_for_rounding() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (120, 90, 3), dtype=np.uint8)
    theirs = np.asarray(Image.fromarray(pixels).resize((41, 50), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(resize(pixels, 50, 41, "bicubic").astype(int) - theirs).max() <= 1


def test_the_same_size_is_the_same_picture() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resize(pixels, 7, 9, "bilinear"), pixels)
