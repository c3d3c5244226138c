"""Pictures to patches and back, against torch's own unfold and statistics."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from toprung.models.patches import from_patches, normalised_patches, to_patches

IMAGES = torch.randn(2, 3, 12, 8, generator=torch.Generator().manual_seed(0))


def test_patches_are_those_of_unfold_with_channels_last() -> None:
    unfolded = F.unfold(IMAGES, kernel_size=(4, 2), stride=(4, 2)).transpose(1, 2)  # channels first in each
    expected = unfolded.reshape(2, 12, 3, 8).transpose(2, 3).reshape(2, 12, 24)
    assert torch.equal(to_patches(IMAGES, (4, 2)), expected)


def test_and_back() -> None:
    assert torch.equal(from_patches(to_patches(IMAGES, (4, 2)), (4, 2), (3, 4)), IMAGES)


def test_a_normalised_patch_has_mean_0_and_unbiased_variance_1() -> None:
    patches = to_patches(IMAGES, (4, 4))
    normalised, mean, spread = normalised_patches(patches)
    assert torch.allclose(normalised.mean(-1), torch.zeros(2, 6), atol=1e-6)
    assert torch.allclose(normalised.var(-1, unbiased=True), torch.ones(2, 6), atol=1e-4)
    assert torch.allclose(normalised * spread + mean, patches, atol=1e-6)


def test_a_flat_patch_is_normalised_to_zeros() -> None:
    normalised, _, spread = normalised_patches(torch.full((1, 1, 48), 3.0))
    assert torch.equal(normalised, torch.zeros(1, 1, 48))
    assert torch.allclose(spread, torch.tensor(1e-3))
