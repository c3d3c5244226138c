"""Hide a random share of a picture's patches, and put the patches back in their places.

Legend: B pictures, L patches, K kept ones, D width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Masking:
    """Which patches are seen.

    Attributes:
        kept: ``(B, K)`` int64: places of the seen patches, in the order in which the encoder gets them.
        restore: ``(B, L)`` int64: where each place's patch stands among the seen ones followed by the hidden ones.
        hidden: ``(B, L)`` bool.
    """

    kept: Tensor
    restore: Tensor
    hidden: Tensor


def kept_count(patches: int, ratio: float) -> int:
    """Return how many patches are seen when the share ``ratio`` is hidden; at least one is seen, and one is not."""
    return max(min(int(patches * (1 - ratio)), patches - 1), 1)


def mask_by_noise(noise: Tensor, ratio: float) -> Masking:
    """Keep the patches with the smallest noise, another set in each picture.

    Args:
        noise: ``(B, L)`` random numbers.
        ratio: share of patches to hide, in (0, 1).

    Source:
        He et al. 2022, arXiv 2111.06377, section 3, "Simple implementation": shuffle, and drop the last ones.
    """
    shuffled = noise.argsort(dim=1, stable=True)
    restore = shuffled.argsort(dim=1)
    keep = kept_count(noise.shape[1], ratio)
    return Masking(shuffled[:, :keep], restore, restore >= keep)


def take_kept(patches: Tensor, masking: Masking) -> Tensor:
    """Return the seen ones ``(B, K, D)`` of patches ``(B, L, D)``."""
    return patches.gather(1, masking.kept[..., None].expand(-1, -1, patches.shape[2]))


def put_back(kept: Tensor, filler: Tensor, masking: Masking) -> Tensor:
    """Return ``(B, L, D)``: the seen patches ``(B, K, D)`` in their places, ``filler`` in all others.

    Args:
        kept: ``(B, K, D)``.
        filler: ``(1, 1, D)``, the mask token.
        masking: as the patches were hidden.
    """
    batch, length = masking.restore.shape
    hidden = filler.to(kept.dtype).expand(batch, length - kept.shape[1], -1)
    together = torch.cat([kept, hidden], dim=1)
    return together.gather(1, masking.restore[..., None].expand(-1, -1, kept.shape[2]))
