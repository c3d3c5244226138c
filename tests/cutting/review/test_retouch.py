import numpy as np
import pymatting
import pytest

from toprung.cutting.review.band import solve_band
from toprung.cutting.review.retouch import retouch
from toprung.cutting.review.strokes import Stroke, paint
from toprung.cutting.scene import Background, Scene
from toprung.errors import CutoutError

SIDE = 120


def soft_disc(x, y, radius, side=SIDE):
    """A disc's alpha, anti-aliased over one pixel."""
    rows, columns = np.indices((side, side))
    return np.clip(radius + 0.5 - np.hypot(columns - x, rows - y), 0, 1).astype(np.float32)


def over(alpha, foreground, ground):
    return (alpha[..., None] * foreground + (1 - alpha[..., None]) * ground).astype(np.float32)


@pytest.fixture
def ring():
    """A tape roll: orange, noisy, with a hole; the paper is blue and unevenly lit."""
    rng = np.random.default_rng(3)
    alpha = soft_disc(60, 60, 45) - soft_disc(60, 60, 22)
    light = 1 + 0.15 * (np.indices((SIDE, SIDE))[1] / SIDE - 0.5)[..., None]
    ground = np.array([0.35, 0.5, 0.8]) * light
    rgb = over(alpha, np.array([0.8, 0.5, 0.2]), ground) + rng.normal(0, 0.01, (SIDE, SIDE, 3))
    return alpha, np.clip(rgb, 0, 1).astype(np.float32), ground.astype(np.float32)


def dab(kind, x, y, radius=3.0, side=SIDE):
    return paint([Stroke(kind, radius, ((x, y),))], (side, side))


def test_one_dab_removes_a_kept_hole(ring):
    truth, rgb, _ = ring
    kept = soft_disc(60, 60, 45)  # the hole was overlooked
    result = retouch(Scene(rgb), kept, *dab("background", 55, 63))
    assert np.abs(kept - truth).mean() > 0.1
    assert np.abs(result - truth).mean() < 0.002
    assert np.abs(result - truth).max() < 0.35  # also on the soft edge
    assert result[60, 60] == 0
    assert (result <= kept).all()


def test_a_known_background_evens_out_a_strong_shade():
    alpha = soft_disc(60, 60, 50) - soft_disc(60, 60, 30)
    shade = np.linspace(0.35, 0.9, SIDE)[None, :, None] * np.ones((SIDE, 1, 3))
    rgb = over(alpha, np.array([0.75, 0.6, 0.3]), shade)
    ground = Background(
        shade.astype(np.float32), np.full((SIDE, SIDE), 0.01, np.float32), np.ones((SIDE, SIDE), bool), "plate"
    )
    result = retouch(Scene(rgb, ground), soft_disc(60, 60, 50), *dab("background", 60, 60))
    assert np.abs(result - alpha).mean() < 0.003


def test_one_dab_brings_back_a_lost_part(ring):
    truth, rgb, _ = ring
    lost = truth.copy()
    lost[:, 70:] = 0
    result = retouch(Scene(rgb), lost, *dab("object", 93, 60))
    assert np.abs(lost - truth).mean() > 0.1
    assert np.abs(result - truth).mean() < 0.004
    assert (result >= lost).all()


def test_far_pixels_keep_their_alpha_to_the_bit(ring):
    _, rgb, _ = ring
    rng = np.random.default_rng(0)
    before = np.clip(soft_disc(60, 60, 45) - 0.2 * rng.random((SIDE, SIDE)).astype(np.float32), 0, 1)
    result = retouch(Scene(rgb), before, *dab("background", 60, 60))
    far = np.hypot(*(np.indices((SIDE, SIDE)) - 60)) > 22 + 5
    np.testing.assert_array_equal(result[far], before[far])


def test_strokes_are_hard_even_against_the_picture(ring):
    truth, rgb, _ = ring
    certain_object, certain_background = paint(
        [Stroke("object", 2, ((60, 60), (64, 60))), Stroke("background", 2, ((60, 93),))], (SIDE, SIDE)
    )
    result = retouch(Scene(rgb), truth, certain_object, certain_background)
    assert (result[certain_object] == 1).all()
    assert (result[certain_background] == 0).all()


@pytest.mark.parametrize("kind", ["object", "background"])
def test_on_an_object_of_the_paper_s_colour_a_dab_stays_local(kind):
    rng = np.random.default_rng(1)
    rgb = np.clip(0.6 + rng.normal(0, 0.01, (SIDE, SIDE, 3)), 0, 1).astype(np.float32)  # nothing tells them apart
    before = soft_disc(60, 60, 40)
    at = {"object": (10, 10), "background": (60, 60)}[kind]
    result = retouch(Scene(rgb), before, *dab(kind, *at, radius=4))
    changed = np.abs(result - before) > 0.5
    rows, columns = np.nonzero(changed)
    assert changed[at[1], at[0]]
    assert np.hypot(columns - at[0], rows - at[1]).max() < 16


def test_the_nearer_colour_wins_between_two_dabs(ring):
    truth, rgb, _ = ring
    blank = np.full((SIDE, SIDE), 0.5, np.float32)
    certain_object, certain_background = paint(
        [
            Stroke("object", 4, ((55, 93), (65, 93))),
            Stroke("background", 4, ((60, 60),)),
            Stroke("background", 4, ((5, 5), (114, 5))),
        ],
        (SIDE, SIDE),
    )
    result = retouch(Scene(rgb), blank, certain_object, certain_background)
    hole = np.hypot(*(np.indices((SIDE, SIDE)) - 60)) < 19
    assert (result[hole] < 0.1).mean() > 0.99
    assert (result[truth == 1] > 0.9).mean() > 0.97


def test_no_stroke_changes_nothing(ring):
    truth, rgb, _ = ring
    nothing = np.zeros((SIDE, SIDE), bool)
    np.testing.assert_array_equal(retouch(Scene(rgb), truth, nothing, nothing), truth)


def test_a_large_photo_is_solved_like_a_small_one():
    side = 1300
    truth = soft_disc(650, 650, 500, side) - soft_disc(650, 650, 260, side)
    rgb = over(truth, np.array([0.8, 0.5, 0.2]), np.array([0.35, 0.5, 0.8]))
    result = retouch(Scene(rgb), soft_disc(650, 650, 500, side), *dab("background", 600, 700, 12, side))
    assert np.abs(result - truth).max() < 0.1


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 2), (3, 3)])
def test_tiny_photos(shape):
    stroke = np.zeros(shape, bool)
    stroke[0, 0] = True
    result = retouch(
        Scene(np.full((*shape, 3), 0.5, np.float32)), np.ones(shape, np.float32), np.zeros(shape, bool), stroke
    )
    assert result[0, 0] == 0


def test_what_does_not_fit_is_refused(ring):
    truth, rgb, _ = ring
    small, full = np.zeros((5, 5), bool), np.ones((SIDE, SIDE), bool)
    with pytest.raises(CutoutError, match=r"object strokes of photo have shape \(5, 5\), the photo \(120, 120\)"):
        retouch(Scene(rgb), truth, small, full)
    with pytest.raises(CutoutError, match="14400 pixels of photo are in strokes of both kinds"):
        retouch(Scene(rgb), truth, full, full)


def test_the_band_agrees_with_pymatting(ring):
    truth, rgb, _ = ring
    unknown = (truth > 0) & (truth < 1)
    unknown |= np.roll(unknown, 2, 0) | np.roll(unknown, -2, 1)
    trimap = np.where(unknown, 0.5, np.round(truth)).astype(np.float64)
    theirs = pymatting.estimate_alpha_cf(rgb.astype(np.float64), trimap, laplacian_kwargs={"epsilon": 1e-4})
    ours = solve_band(rgb, trimap.astype(np.float32), unknown, epsilon=1e-4)
    assert np.abs(ours - theirs).max() < 0.01


def test_where_the_background_is_not_known_a_dab_spreads_by_colour(ring):
    truth, rgb, ground = ring
    valid = np.ones((SIDE, SIDE), bool)
    valid[:, 70:] = False  # a plate that was shifted
    scene = Scene(rgb, Background(ground, np.full((SIDE, SIDE), 0.01, np.float32), valid, "plate"))
    kept = soft_disc(60, 60, 45)
    on_unknown = retouch(scene, kept, *dab("background", 74, 60))
    assert np.abs(on_unknown - truth).mean() < 0.002
    on_known = retouch(scene, kept, *dab("background", 55, 60))
    assert (on_known[:, 60:70][np.hypot(*(np.indices((SIDE, SIDE)) - 60))[:, 60:70] < 18] == 0).all()
    np.testing.assert_array_equal(on_known[:, 80:], kept[:, 80:])


def test_a_brush_that_slipped_over_the_edge_does_not_spread_over_the_object(ring):
    truth, rgb, _ = ring
    slipped = Stroke("background", 3.0, ((50, 60), (79, 60)))  # the hole ends at 82, a few pixels are orange
    result = retouch(Scene(rgb), soft_disc(60, 60, 45), *paint([slipped], (SIDE, SIDE)))
    assert np.abs(result - truth).mean() < 0.004
