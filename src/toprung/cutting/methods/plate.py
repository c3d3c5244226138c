"""Alpha from the aligned plate."""

from __future__ import annotations

from toprung.cutting.masks.plate_difference import plate_difference
from toprung.cutting.matte.plate_matte import plate_matte
from toprung.cutting.methods.materials import Materials
from toprung.cutting.methods.registry import method
from toprung.cutting.scene import Alpha, Scene


@method("plate", "difference to the clean plate, refined with the known background", default=True)
def plate(materials: Materials) -> Alpha | None:
    """Return the matte against the plate; None without an aligned plate."""
    if materials.plate is None or materials.mask is None:
        return None
    scene = Scene(materials.rgb, materials.plate, materials.name)
    mask = materials.mask if materials.background is materials.plate else plate_difference(scene)
    return plate_matte(scene, mask, materials.mask_scale, materials.given_trimap)
