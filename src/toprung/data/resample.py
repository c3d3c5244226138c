"""Resize 8-bit pictures as the weights' own training did (Pillow's antialiased filters), several times faster.

Legend: H × W pixels, channels last.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toprung.images import antialiased

Pixels = NDArray[np.uint8]

# Where a picture is reduced in two steps (by the JPEG decoder or for the cache, then by `resize`), the first one
# leaves so many times the pixels that the second needs: the second then decides what the input looks like. With less,
# training pictures come out softer than those of validation, and on fine textures a network that is right in training
# guesses in validation (docs/log.md, 2026-11-25).
MARGIN = 2.0


def resize(pixels: Pixels, height: int, width: int, interpolation: str) -> Pixels:
    """Return ``(height, width, 3)`` uint8, antialiased.

    torch's kernels for 8-bit pictures compute Pillow's filters with vector instructions; rounding differs from
    Pillow's by a few levels in single pixels, 0.03 on average. In a process without torch, such as one that predicts
    with an exported model, NumPy computes the same bits more slowly.

    Args:
        pixels: ``(H, W, 3)`` uint8; any strides.
        height, width: of the result, in pixels.
        interpolation: ``bilinear``, ``bicubic`` or ``lanczos``; others (timm knows ``nearest``, ``box``,
            ``hamming``) go through Pillow.
    """
    if pixels.shape[:2] == (height, width):
        return pixels
    if interpolation not in antialiased.INTERPOLATIONS:
        kind = Image.Resampling[interpolation.upper()]
        return np.array(Image.fromarray(pixels).resize((width, height), kind))
    kernels = _by_torch if sys.modules.get("torch") else antialiased.resize
    return kernels(pixels, height, width, interpolation)


def _by_torch(pixels: Pixels, height: int, width: int, interpolation: str) -> Pixels:
    import torch
    from torch.nn import functional as F

    # ascontiguousarray: a crop of a memory-mapped cache is read-only, which torch warns about
    whole = np.ascontiguousarray(pixels)
    if not whole.flags.writeable:
        whole = whole.copy()
    # The batch axis goes in before the channels move: only then torch sees a channels-last batch and does not turn
    # the pixels over twice.
    batch = torch.from_numpy(whole)[None].permute(0, 3, 1, 2)
    resized = F.interpolate(batch, (height, width), mode=interpolation, antialias=True)
    return resized[0].permute(1, 2, 0).numpy()
