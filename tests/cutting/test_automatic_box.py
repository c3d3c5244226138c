import cv2
import numpy as np
import pytest

from tests.cutting.pictures import dead_leaves, disc, lay, lit_paper
from toprung.cutting.automatic_box import automatic_box, box_of
from toprung.cutting.scene import Background, Scene


def overlap(box, alpha):
    x, y, width, height = cv2.boundingRect((alpha > 0.5).astype(np.uint8))
    truth, found = np.zeros(alpha.shape, bool), np.zeros(alpha.shape, bool)
    truth[y : y + height, x : x + width] = True
    found[box[1] : box[1] + box[3], box[0] : box[0] + box[2]] = True
    assert not (truth & ~found).any(), "the box cuts the object"
    return (truth & found).sum() / (truth | found).sum()


@pytest.mark.parametrize("centre", [(0.5, 0.5), (0.35, 0.7), (0.8, 0.3)])
def test_box_on_paper(centre):
    alpha = disc(centre=centre)
    box = automatic_box(Scene(lay(lit_paper(noise=2 / 255), alpha)))
    assert overlap(box, alpha) > 0.7


def test_box_from_a_plate_that_is_plain_nowhere():
    plate, alpha = dead_leaves(), disc()
    known = Background(plate, np.full(alpha.shape, 0.01, np.float32), np.ones(alpha.shape, bool), "plate")
    noisy = plate + np.random.default_rng(0).normal(size=plate.shape).astype(np.float32) * 0.008
    assert overlap(automatic_box(Scene(lay(noisy, alpha, (0.5, 0.5, 0.5)), known)), alpha) > 0.7


def test_box_by_saliency_when_nothing_is_plain():
    rng = np.random.default_rng(2)
    # coarse noise in two tones of green: too rough to be plain
    ground = cv2.resize(rng.random((24, 32, 1)).astype(np.float32), (160, 120), interpolation=cv2.INTER_NEAREST)
    ground = np.array([0.2, 0.5, 0.2]) + 0.25 * ground[..., None] * np.array([0.6, 1, 0.6])
    alpha = disc()
    box = automatic_box(Scene(lay(ground, alpha, (0.9, 0.2, 0.1))))
    assert overlap(box, alpha) > 0.7


def test_no_object_no_box():
    assert automatic_box(Scene(lit_paper(noise=3 / 255))) is None
    assert automatic_box(Scene(np.full((1, 1, 3), 0.5, np.float32))) is None


def test_specks_are_left_out():
    seed = np.zeros((200, 200), np.float32)
    seed[50:100, 60:120] = 1
    seed[180:184, 10:14] = 1
    assert box_of(seed) == (55, 45, 70, 60)


def test_box_stays_in_the_picture():
    assert box_of(np.ones((30, 40), np.float32)) == (0, 0, 40, 30)
