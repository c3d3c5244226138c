import numpy as np
import pytest

from tests.cutting.pictures import disc, lay, lit_paper
from toprung.cutting.band import refine_band


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_soft_edge_is_recovered_from_a_hard_mask(off):
    alpha = disc()
    mask = disc(radius=0.28 + off / 120) > 0.5
    soft = refine_band(lay(lit_paper(), alpha), mask, 3.0)
    assert np.abs(soft - alpha).max() < 0.12
    assert np.abs(soft - alpha).mean() < 0.001


def test_alike_colours_fall_back_on_distance():
    mask = disc() > 0.5
    soft = refine_band(np.full((120, 160, 3), 0.5, np.float32), mask, 3.0)
    assert ((soft > 0.5) == mask).all()


@pytest.mark.parametrize("value", [False, True])
def test_nothing_to_refine(value):
    mask = np.full((5, 4), value)
    assert (refine_band(np.zeros((5, 4, 3), np.float32), mask, 2.0) == value).all()
