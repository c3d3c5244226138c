import numpy as np
import pytest

from toprung.cutting.review.strokes import Stroke, paint


def test_a_dab_is_a_disc():
    painted, other = paint([Stroke("object", 20.0, ((50.0, 40.0),))], (100, 90))
    assert painted.shape == (90, 100)
    assert painted.sum() == pytest.approx(np.pi * 20**2, rel=0.01)
    rows, columns = np.nonzero(painted)
    assert (columns.mean(), rows.mean()) == (50, 40)
    assert not other.any()


def test_a_line_is_a_capsule():
    painted, _ = paint([Stroke("object", 10.0, ((30.0, 50.0), (90.0, 50.0)))], (120, 100))
    assert painted.sum() == pytest.approx(np.pi * 10**2 + 60 * 20, rel=0.05)  # 21 rows of centres, not 20


def test_later_strokes_lie_over_earlier_ones():
    first = Stroke("object", 10.0, ((20.0, 20.0),))
    second = Stroke("background", 4.0, ((20.0, 20.0),))
    certain_object, certain_background = paint([first, second], (40, 40))
    assert not certain_object[20, 20]
    assert certain_background[20, 20]
    assert not (certain_object & certain_background).any()
    assert certain_object[20, 28]


@pytest.mark.parametrize("point", [(-500.0, 3.0), (3.0, 1e5), (-3.0, -3.0)])
def test_outside_the_photo_nothing_is_painted(point):
    painted, _ = paint([Stroke("object", 2.0, (point,))], (8, 8))
    assert not painted.any()


def test_the_thinnest_brush_paints_one_pixel():
    painted, _ = paint([Stroke("background", 0.1, ((3.0, 4.0),))], (8, 8))[::-1]
    assert list(zip(*np.nonzero(painted), strict=True)) == [(4, 3)]
