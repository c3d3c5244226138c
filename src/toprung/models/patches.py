"""A picture as a row of patches, and back.

Legend: B pictures of C channels and H × W pixels; L patches of P pixels' values (rows × columns × channels).
"""

from __future__ import annotations

from torch import Tensor


def to_patches(images: Tensor, patch: tuple[int, int]) -> Tensor:
    """Return ``(B, L, P)``, patches row by row, and in a patch its pixels row by row, the channels of each together.

    Args:
        images: ``(B, C, H, W)``.
        patch: height and width of a patch in pixels, dividing those of the picture.
    """
    batch, channels, height, width = images.shape
    tall, wide = patch
    cut = images.reshape(batch, channels, height // tall, tall, width // wide, wide)
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(batch, -1, tall * wide * channels)


def from_patches(patches: Tensor, patch: tuple[int, int], grid: tuple[int, int]) -> Tensor:
    """Return ``(B, C, H, W)``; undoes :func:`to_patches`.

    Args:
        patches: ``(B, L, P)``.
        patch: height and width of a patch in pixels.
        grid: rows and columns of patches.
    """
    (tall, wide), (rows, columns) = patch, grid
    batch = len(patches)
    cut = patches.reshape(batch, rows, columns, tall, wide, -1)
    return cut.permute(0, 5, 1, 3, 2, 4).reshape(batch, -1, rows * tall, columns * wide)


def normalised_patches(patches: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return each patch with mean 0 and variance 1, its mean and its standard deviation.

    The variance is the unbiased one, plus 1e-6 under the root, as in MAE's own code.

    Args:
        patches: ``(B, L, P)``.

    Returns:
        ``(B, L, P)``, ``(B, L, 1)``, ``(B, L, 1)``.
    """
    mean = patches.mean(dim=-1, keepdim=True)
    spread = (patches.var(dim=-1, keepdim=True) + 1e-6).sqrt()
    return (patches - mean) / spread, mean, spread
