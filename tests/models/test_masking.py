"""Hiding patches and putting them back: identities on random noise."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from toprung.models.masking import kept_count, mask_by_noise, put_back, take_kept


@st.composite
def noises(draw: st.DrawFn) -> Tensor:
    rows, patches = draw(st.integers(1, 4)), draw(st.integers(2, 40))
    drawn = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    return torch.rand(rows, patches, generator=drawn)


@given(noises(), st.floats(0.05, 0.95))
def test_the_patches_with_the_least_noise_are_seen_and_no_other(noise: Tensor, ratio: float) -> None:
    masking = mask_by_noise(noise, ratio)
    keep = kept_count(noise.shape[1], ratio)
    assert masking.kept.shape == (len(noise), keep)
    for row, kept, hidden in zip(noise, masking.kept, masking.hidden, strict=True):
        assert sorted(kept.tolist()) == sorted(row.sort().indices[:keep].tolist())
        assert sorted(kept.tolist()) == (~hidden).nonzero().flatten().tolist()


@given(noises(), st.floats(0.05, 0.95))
def test_put_back_undoes_take_kept_where_patches_were_seen(noise: Tensor, ratio: float) -> None:
    masking = mask_by_noise(noise, ratio)
    patches = torch.arange(1.0, 1 + noise.numel() * 3).reshape(*noise.shape, 3)
    filler = torch.full((1, 1, 3), -7.0)
    whole = put_back(take_kept(patches, masking), filler, masking)
    assert torch.equal(whole[~masking.hidden], patches[~masking.hidden])
    assert torch.equal(whole[masking.hidden], torch.full_like(patches[masking.hidden], -7.0))


def test_three_quarters_of_196_patches_leave_49() -> None:
    assert kept_count(196, 0.75) == 49
    assert kept_count(256, 0.75) == 64
    assert kept_count(2, 0.99) == 1
    assert kept_count(9, 1e-20) == 8
