"""The soft mask itself, without matting: the fastest, and a yardstick for the rest."""

from __future__ import annotations

from toprung.cutting.methods.materials import Materials
from toprung.cutting.methods.registry import method
from toprung.cutting.scene import Alpha


@method("difference", "the soft mask of what differs from the background, without matting", default=False)
def difference(materials: Materials) -> Alpha | None:
    """Return the mask; None without a background."""
    return materials.mask
