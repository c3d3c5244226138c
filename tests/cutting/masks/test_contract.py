"""What every masker keeps, the registered ones and models of both kinds."""

import numpy as np
import pytest

from tests.cutting.pictures import dead_leaves, disc, lay, lit_paper
from toprung.cutting.masks.registry import find_masker, load_maskers
from toprung.cutting.scene import Background, Scene
from toprung.errors import CutoutError

NAMES = sorted(load_maskers())


def known(paper, sigma=0.01):
    size = paper.shape[:2]
    return Background(paper, np.full(size, sigma, np.float32), np.ones(size, bool), "plate")


def check(mask, size):
    assert mask.shape == size
    assert mask.dtype == np.float32
    assert np.isfinite(mask).all()
    assert mask.min() >= 0
    assert mask.max() <= 1


def test_the_maskers_of_the_issue_are_there():
    assert {"plate-difference", "grabcut", "grabcut-box", "grabcut-edges"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(1, 1), (4, 3), (3, 40), (7, 7)])
@pytest.mark.parametrize("content", ["constant", "noise"])
@pytest.mark.parametrize("plate", [False, True])
def test_tiny_pictures(name, size, content, plate):
    rng = np.random.default_rng(0)
    rgb = rng.random((*size, 3)).astype(np.float32) if content == "noise" else np.full((*size, 3), 0.5, np.float32)
    background = known(np.full((*size, 3), 0.5, np.float32)) if plate else None
    check(find_masker(name)(Scene(rgb, background)), size)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("plate", [False, True])
def test_nothing_on_the_paper(name, plate):
    paper = lit_paper(noise=2 / 255)
    mask = find_masker(name)(Scene(paper, known(lit_paper()) if plate else None))
    check(mask, (120, 160))
    assert (mask > 0.5).mean() < 0.01


@pytest.mark.parametrize("name", NAMES)
def test_uniform_picture_is_empty(name):
    rgb = np.full((60, 80, 3), 0.5, np.float32)
    assert find_masker(name)(Scene(rgb)).max() == 0
    assert find_masker(name)(Scene(rgb, known(rgb))).max() < 0.3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("radius", [0.012, 0.025, 0.28])
def test_objects_of_all_sizes_on_known_ground(name, radius):
    paper, alpha = lit_paper(noise=1 / 255), disc(radius=radius)
    mask = find_masker(name)(Scene(lay(paper, alpha), known(lit_paper(), 1.2 / 255)))
    check(mask, alpha.shape)
    # a masker may be unsure everywhere; where it would cut is what counts
    assert np.abs((mask > 0.5) - alpha).mean() < 0.022
    if radius > 0.1:
        assert ((mask > 0.5) & (alpha > 0.5)).sum() / ((mask > 0.5) | (alpha > 0.5)).sum() > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_object_that_fills_the_picture(name):
    rgb = np.tile(np.array([0.1, 0.3, 0.7], np.float32), (60, 80, 1))
    check(find_masker(name)(Scene(rgb, known(np.full((60, 80, 3), 0.9, np.float32)))), (60, 80))


@pytest.mark.parametrize("name", NAMES)
def test_deterministic_and_leaves_the_scene_alone(name):
    rgb = lay(dead_leaves(60, 80), disc(60, 80))
    scene = Scene(rgb.copy(), known(dead_leaves(60, 80)))
    first = find_masker(name)(scene)
    assert np.array_equal(first, find_masker(name)(scene))
    assert np.array_equal(scene.rgb, rgb)


@pytest.mark.parametrize("name", NAMES)
def test_background_that_is_known_nowhere(name):
    rgb = lay(lit_paper(), disc())
    unknown = Background(rgb * 0, np.full((120, 160), 0.1, np.float32), np.zeros((120, 160), bool), "border")
    check(find_masker(name)(Scene(rgb, unknown)), (120, 160))


def test_unknown_name():
    with pytest.raises(CutoutError, match="Did you mean grabcut"):
        find_masker("grabcutt")
