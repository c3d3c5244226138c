import numpy as np
import pytest

from tests.cutting.pictures import disc, lay, lit_paper
from toprung.cutting.border_background import border_background
from toprung.cutting.holes import find_holes, settle_holes
from toprung.cutting.scene import Background

SIGMA = 2 / 255


def known():
    return Background(lit_paper(), np.full((120, 160), SIGMA, np.float32), np.ones((120, 160), bool), "plate")


def ring(hole_radius=0.12):
    return disc(radius=0.35) - disc(radius=hole_radius)


def textured(seed=1):
    """An object's surface that is nowhere like the paper."""
    stripes = np.where(np.arange(160) // 6 % 2, 0.2, 0.45)[None, :, None] * np.ones((120, 1, 3))
    return stripes + 0.01 * np.random.default_rng(seed).normal(size=(120, 160, 3))


def scene(alpha, shade=1.0, noise=SIGMA, seed=0):
    paper = lit_paper(noise=noise, seed=seed) * np.float32(shade)
    share = alpha[..., None]
    return (share * textured() + (1 - share) * paper).astype(np.float32)


@pytest.mark.parametrize("background", ["plate", "border"])
@pytest.mark.parametrize("radius", [0.05, 0.12, 0.2])
def test_hole_of_a_ring_is_opened(background, radius):
    truth = ring(radius)
    rgb = scene(truth)
    ground = known() if background == "plate" else border_background(rgb)
    closed = disc(radius=0.35)
    holes = find_holes(rgb, ground, closed)
    assert [hole.open for hole in holes] == [True]
    settled = settle_holes(rgb, ground, closed)
    assert np.abs(settled - truth).mean() < 0.004
    assert np.array_equal(closed, disc(radius=0.35))


@pytest.mark.parametrize("shade", [0.9, 0.75])
def test_hole_in_shade(shade):
    truth = ring()
    light = 1 - (1 - shade) * disc(radius=0.3)[..., None]
    rgb = scene(truth, light)
    assert np.abs(settle_holes(rgb, known(), disc(radius=0.35)) - truth).mean() < 0.004


def test_open_hole_stays():
    truth = ring()
    rgb = scene(truth)
    assert np.abs(settle_holes(rgb, known(), truth) - truth).mean() < 0.004


@pytest.mark.parametrize("given", ["closed", "open"])
def test_label_with_print_on_it_is_kept(given):
    body, label = disc(radius=0.35), disc(radius=0.15)
    rgb = scene(body - label)
    rgb[59:61, 72:89] = 0.1  # a line of print
    settled = settle_holes(rgb, known(), body if given == "closed" else ring(0.15))
    assert settled[disc(radius=0.14) > 0.5].min() > 0.99 if given == "closed" else settled[52, 80] > 0.99


@pytest.mark.parametrize(("noise", "why"), [(0.0, "smoother"), (6 / 255, "rougher")])
def test_label_of_another_texture_is_kept(noise, why):
    body, label = disc(radius=0.35), disc(radius=0.15)
    rgb = scene(body)
    rgb = np.where(label[..., None] > 0.5, lit_paper(noise=noise, seed=5), rgb).astype(np.float32)
    assert settle_holes(rgb, known(), body)[label > 0.9].mean() > 0.95, why


def test_label_of_slightly_another_colour_is_kept():
    body, label = disc(radius=0.35), disc(radius=0.15)
    rgb = scene(body - label)
    rgb[..., 2] += 7 / 255 * label
    assert settle_holes(rgb, known(), body)[label > 0.9].min() > 0.99


def test_body_without_hole_is_left_alone():
    body = disc(radius=0.35)
    rgb = scene(body)
    assert np.array_equal(settle_holes(rgb, known(), body), body)


def test_mask_that_is_too_large_is_no_hole():
    body = disc(radius=0.25)
    rgb = lay(lit_paper(noise=SIGMA), body)
    assert find_holes(rgb, known(), disc(radius=0.4)) == () or not any(
        hole.open for hole in find_holes(rgb, known(), disc(radius=0.4))
    )


@pytest.mark.parametrize("size", [(1, 1), (4, 3), (2, 30)])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_tiny(size, value):
    rgb = np.full((*size, 3), 0.5, np.float32)
    ground = Background(rgb, np.full(size, 0.01, np.float32), np.ones(size, bool), "plate")
    alpha = np.full(size, value, np.float32)
    assert np.array_equal(settle_holes(rgb, ground, alpha), alpha)


def detailed():
    """A plate with detail of its own, a few levels strong."""
    grain = np.random.default_rng(9).normal(size=(120, 160, 1)).astype(np.float32) * 6 / 255
    plate = (lit_paper() + grain).astype(np.float32)
    return Background(plate, np.full((120, 160), SIGMA, np.float32), np.ones((120, 160), bool), "plate")


@pytest.mark.parametrize("real", [True, False])
def test_detail_of_the_plate_shows_through_a_hole_only(real):
    ground, body, truth = detailed(), disc(radius=0.35), ring(0.15)
    noise = np.random.default_rng(4).normal(size=(120, 160, 3)) * SIGMA
    seen = ground.rgb if real else lit_paper()
    share = truth[..., None]
    rgb = np.where(body[..., None] > 0.5, share * textured() + (1 - share) * seen, ground.rgb) + noise
    settled = settle_holes(rgb.astype(np.float32), ground, body)
    assert np.abs(settled - (truth if real else body)).mean() < 0.004
