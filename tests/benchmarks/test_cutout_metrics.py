"""The errors of alpha against values worked out by hand."""

import numpy as np
import pytest
from benchmarks.cutout_metrics import METRICS, conn, grad, iou, mae, mse, sad


def _disc() -> np.ndarray:
    y, x = np.mgrid[0:40, 0:40]
    return (np.hypot(x - 20, y - 20) < 10).astype(np.float32)


@pytest.mark.parametrize("name", METRICS)
def test_a_perfect_alpha(name: str) -> None:
    assert METRICS[name](_disc(), _disc()) == (1.0 if name == "IoU" else 0.0)


def test_sums_and_means() -> None:
    truth = np.zeros((10, 20), np.float32)
    alpha = truth.copy()
    alpha[0, :4] = 0.5
    assert sad(alpha, truth) == pytest.approx(4 * 0.5 / 1000)
    assert mae(alpha, truth) == pytest.approx(2 / 200)
    assert mse(alpha, truth) == pytest.approx(1 / 200)


def test_iou_of_halves() -> None:
    truth = np.zeros((4, 4), np.float32)
    truth[:, :2] = 1
    alpha = np.zeros((4, 4), np.float32)
    alpha[:, 1:3] = 0.6
    assert iou(alpha, truth) == pytest.approx(4 / 12)
    assert iou(np.zeros_like(truth), np.zeros_like(truth)) == 1


def test_grad_of_a_step_against_the_closed_form() -> None:
    # along an edge of height 1, the response at the distance d is the step's Gaussian, scaled as the kernel is
    truth = np.zeros((31, 60), np.float32)
    alpha = truth.copy()
    alpha[:, 30:] = 1
    place = np.arange(-4, 5)
    smooth = np.exp(-(place**2) / (2 * 1.4**2))
    slope = -place * smooth
    slope, smooth = slope / np.linalg.norm(slope), smooth / np.linalg.norm(smooth)
    response = [smooth.sum() * slope[k:].sum() for k in range(1, 9)]
    assert grad(alpha, truth) == pytest.approx(31 * float(np.sum(np.square(response))) / 1000, rel=1e-6)


def test_grad_has_no_direction() -> None:
    disc = _disc()
    moved = np.roll(disc, 2, axis=1)
    assert grad(moved, disc) == pytest.approx(grad(moved.T, disc.T))
    assert grad(moved, disc) == pytest.approx(grad(moved[:, ::-1], disc[:, ::-1]))


def test_conn_of_an_island() -> None:
    # an island of 6 pixels that the truth does not have hangs on nothing: it costs its alpha, 1 each
    truth = np.zeros((20, 20), np.float32)
    truth[2:8, 2:8] = 1
    alpha = truth.copy()
    alpha[14:16, 14:17] = 1
    assert conn(alpha, truth) == pytest.approx(6 / 1000)


def test_conn_of_a_lost_part() -> None:
    # the truth's two squares are one part through a bridge; without the bridge the smaller square hangs on nothing
    truth = np.zeros((20, 30), np.float32)
    truth[5:15, 2:12] = 1
    truth[5:13, 16:24] = 1
    truth[8, 12:16] = 1
    alpha = truth.copy()
    alpha[8, 12:16] = 0
    # the lost square has level 0 in both, so both lose 1 there and agree; the bridge's 4 pixels differ by 1
    assert conn(alpha, truth) == pytest.approx(4 / 1000)


def test_conn_forgives_less_than_theta() -> None:
    truth = np.ones((10, 10), np.float32)
    assert conn(np.full((10, 10), 0.9, np.float32), truth) == 0
    # at 0.7 the shared part holds up to 0.7, so the truth stands 0.3 above it and alpha 0
    assert conn(np.full((10, 10), 0.7, np.float32), truth) == pytest.approx(100 * 0.3 / 1000, rel=1e-5)
