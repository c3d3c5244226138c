"""Alpha from the background that the picture's own border shows."""

from __future__ import annotations

from toprung.cutting.masks.plate_difference import plate_difference
from toprung.cutting.matte.plate_matte import plate_matte
from toprung.cutting.methods.materials import Materials
from toprung.cutting.methods.registry import method
from toprung.cutting.scene import Alpha, Scene


def border_alpha(materials: Materials) -> Alpha | None:
    """Return the matte against the border's model of the background; None when the border is not plain."""
    if materials.border is None:
        return None
    scene = Scene(materials.rgb, materials.border, materials.name)
    return plate_matte(scene, plate_difference(scene), materials.mask_scale, materials.given_trimap)


@method("border", "difference to a smooth background modelled from the picture's border", default=True)
def border(materials: Materials) -> Alpha | None:
    """Return the border's matte where no plate says more."""
    return border_alpha(materials) if materials.plate is None else None


@method("border-always", "the same, beside a plate as well", default=False)
def border_always(materials: Materials) -> Alpha | None:
    """Return the border's matte, plate or not."""
    return border_alpha(materials)
