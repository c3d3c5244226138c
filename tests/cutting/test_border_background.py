import numpy as np
import pytest

from tests.cutting.pictures import dead_leaves, disc, grid, lay, lit_paper
from toprung.cutting.border_background import border_background


def levels(predicted, truth, where):
    return float(np.abs(predicted - truth)[where].mean() * 255)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_paper_under_the_object_without_noise(degree):
    paper, alpha = lit_paper(degree=degree), disc()
    background = border_background(lay(paper, alpha))
    assert background.source == "border"
    assert background.valid.all()
    assert levels(background.rgb, paper, alpha > 0) < 0.3


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_averaged_out_and_told(seed):
    truth, alpha = lit_paper(), disc()
    noisy = lit_paper(noise=4 / 255, seed=seed)
    background = border_background(lay(noisy, alpha))
    assert levels(background.rgb, truth, alpha > 0) < 0.6
    assert background.sigma[alpha == 0].mean() * 255 == pytest.approx(4, rel=0.15)
    assert background.sigma[alpha == 1].mean() * 255 == pytest.approx(4, rel=0.3)


def test_soft_shadow_beside_the_object_is_not_taken_for_paper():
    truth, alpha = lit_paper(noise=2 / 255), disc()
    shadow = 1 - 0.35 * disc(centre=(0.56, 0.55), radius=0.3)[..., None]
    background = border_background(lay(truth * shadow.astype(np.float32), alpha))
    assert levels(background.rgb, lit_paper(), alpha > 0) < 1


@pytest.mark.parametrize("centre", [(1.0, 0.5), (0.5, 0.0), (0.9, 0.9)])
def test_object_that_touches_the_border(centre):
    paper, alpha = lit_paper(degree=1, noise=1 / 255), disc(centre=centre, radius=0.45)
    background = border_background(lay(paper, alpha))
    assert levels(background.rgb, lit_paper(degree=1), alpha > 0) < 1


def test_paper_on_one_side_only():
    paper, alpha = lit_paper(degree=1), np.zeros((120, 160), np.float32)
    alpha[36:] = 1
    stripes = np.where((np.arange(160) // 7 % 2)[None, :, None], [0.1, 0.2, 0.6], [0.8, 0.1, 0.4]) * np.ones(
        (120, 1, 1)
    )
    background = border_background(np.where(alpha[..., None] > 0, stripes, paper).astype(np.float32))
    assert background.valid[:40].all()
    assert levels(background.rgb, paper, alpha == 0) < 0.3
    nearby = np.zeros((120, 160), bool)
    nearby[36:50] = True
    assert levels(background.rgb, paper, nearby) < 1


def test_two_papers_that_meet_under_the_object():
    y, x = grid(120, 160)
    below = y > 0.2 + 0.15 * x
    ground = np.where(below[..., None], lit_paper(colour=(0.3, 0.2, 0.15), degree=1), lit_paper(degree=1))
    alpha = disc()
    background = border_background(lay(ground, alpha))
    known = background.valid
    assert known.mean() > 0.9
    assert not known[np.abs(y - 0.2 - 0.15 * x) < 0.02].any()
    assert levels(background.rgb, ground, known & (alpha > 0)) < 0.5
    assert np.abs(background.rgb - ground)[known].max() * 255 < 6


def test_vignette_and_grain():
    y, x = grid(120, 160)
    paper = 0.7 * (1 - 0.25 * (x * x + y * y) / 2)[..., None] * np.array([0.9, 0.8, 0.7])
    grain = np.random.default_rng(3).normal(size=(120, 160, 1)) * 6 / 255
    alpha = disc()
    background = border_background(lay((paper + grain).astype(np.float32), alpha))
    assert levels(background.rgb, paper, alpha > 0) < 1
    assert background.sigma[alpha == 0].mean() * 255 == pytest.approx(6, rel=0.15)


@pytest.mark.parametrize("seed", range(4))
def test_no_plain_background_is_said(seed):
    background = border_background(dead_leaves(seed=seed))
    assert not background.valid.any()


@pytest.mark.parametrize("size", [(1, 1), (4, 3), (1, 50), (2, 2)])
def test_tiny_pictures(size):
    background = border_background(np.full((*size, 3), 0.4, np.float32))
    assert background.rgb.shape == (*size, 3)
    assert background.sigma.shape == background.valid.shape == size
    assert np.allclose(background.rgb, 0.4, atol=1e-3)
    assert (background.sigma > 0).all()


def test_same_answer_twice():
    picture = lay(lit_paper(noise=3 / 255), disc())
    first, second = border_background(picture), border_background(picture)
    assert np.array_equal(first.rgb, second.rgb)
    assert np.array_equal(first.sigma, second.sigma)
