"""Fixed positions against transformers' own, and their shape."""

from __future__ import annotations

import pytest
import torch
from transformers.models.vit_mae.modeling_vit_mae import build_2d_sinusoidal_position_embedding

from toprung.errors import ModelError
from toprung.models.sincos import sincos_positions


@pytest.mark.parametrize(("width", "side"), [(8, 3), (64, 7), (96, 14)])
def test_the_same_as_transformers_with_its_halves_turned_as_for_mae(width: int, side: int) -> None:
    row_first = build_2d_sinusoidal_position_embedding(side, side, embed_dim=width, cls_token=True)
    column_first = row_first.roll(width // 2, dims=1)
    assert torch.allclose(sincos_positions(width, (side, side), slots=1)[0], column_first, atol=1e-6)


def test_the_first_half_tells_the_column_and_the_second_the_row() -> None:
    table = sincos_positions(16, (2, 5))[0].reshape(2, 5, 16)
    assert torch.equal(table[0, :, :8], table[1, :, :8])
    assert torch.equal(table[:, 0, 8:], table[:, 4, 8:])
    assert torch.allclose(table[0, 3, 0], torch.sin(torch.tensor(3.0)))
    assert torch.allclose(table[1, 0, 12], torch.cos(torch.tensor(1.0)))


def test_tokens_without_a_place_get_zeros() -> None:
    table = sincos_positions(8, (2, 2), slots=3)
    assert table.shape == (1, 7, 8)
    assert not table[0, :3].any()
    assert torch.equal(table[:, 3:], sincos_positions(8, (2, 2)))


def test_a_width_that_cannot_hold_two_axes_is_refused() -> None:
    with pytest.raises(ModelError, match="multiple of 4"):
        sincos_positions(6, (2, 2))
