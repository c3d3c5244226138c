"""Exposure: factors on light are factors on s + 0.055, and a robust fit finds them under an object."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.cutting.align.exposure import TOE, fit_exposure
from toprung.images.matrix_profiles import decode_srgb


def _encode(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


@given(st.floats(0.06, 0.7), st.floats(0.7, 1.3))
def test_more_light_is_a_factor_on_the_lifted_value(value, factor):
    brighter = _encode(decode_srgb(np.array(value)) * factor)
    assert brighter + TOE == pytest.approx((value + TOE) * factor ** (1 / 2.4), rel=1e-6)


def _plate() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.clip(0.5 + 0.15 * rng.normal(size=(160, 200, 3)), 0.1, 0.75).astype(np.float32)


@pytest.mark.parametrize("stops", [-0.2, 0.0, 0.2])
def test_stops_and_white_balance_are_found_under_an_object(stops):
    plate = _plate()
    balance = np.array([1.03, 1.0, 0.96])
    photo = _encode(decode_srgb(plate) * 2**stops * balance).astype(np.float32)
    photo[40:110, 60:140] = (0.1, 0.6, 0.2)  # a fifth of the picture
    fitted = fit_exposure(plate, photo, np.ones(plate.shape[:2], bool))
    wanted = (2**stops * balance) ** (1 / 2.4)
    assert np.abs(fitted.gain - wanted).max() < 2e-3
    corrected = fitted.apply(plate)
    outside = np.ones(plate.shape[:2], bool)
    outside[40:110, 60:140] = False
    assert np.abs(corrected - photo)[outside].mean() < 1e-3


def test_slanting_light_is_a_smooth_field():
    plate = _plate()
    x = np.linspace(-1, 1, plate.shape[1])[None, :, None]
    photo = _encode(decode_srgb(plate) * (1 + 0.15 * x)).astype(np.float32)
    corrected = fit_exposure(plate, photo, np.ones(plate.shape[:2], bool)).apply(plate)
    assert np.abs(corrected - photo).mean() < 1.5e-3 < np.abs(plate - photo).mean() / 5


def test_nothing_covered_is_no_correction():
    plate = _plate()
    fitted = fit_exposure(plate, plate * 0.8, np.zeros(plate.shape[:2], bool))
    assert np.array_equal(fitted.gain, np.ones(3)) and np.allclose(fitted.apply(plate), plate, atol=1e-6)
