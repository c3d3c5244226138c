"""Alpha from GrabCut, seeded automatically, refined in its band."""

from __future__ import annotations

from toprung.cutting.masks.registry import find_masker
from toprung.cutting.matte.band import band_alpha
from toprung.cutting.matte.plate_matte import plate_matte
from toprung.cutting.methods.materials import Materials
from toprung.cutting.methods.registry import method
from toprung.cutting.scene import Alpha


def _refined(materials: Materials, masker: str) -> Alpha:
    mask = find_masker(masker)(materials.scene)
    if materials.background is not None:
        return plate_matte(materials.scene, mask, materials.mask_scale, materials.given_trimap)
    return band_alpha(materials.rgb, materials.trimap_of(mask))


@method("grabcut", "GrabCut seeded by the difference or by what stands out, refined in its band", default=True)
def grabcut(materials: Materials) -> Alpha:
    """Return GrabCut's matte from a soft seed."""
    return _refined(materials, "grabcut")


@method("grabcut-box", "GrabCut seeded by the object's box, found automatically", default=False)
def grabcut_box(materials: Materials) -> Alpha | None:
    """Return GrabCut's matte from a box."""
    return _refined(materials, "grabcut-box")


@method("grabcut-edges", "GrabCut with enhanced contours", default=False)
def grabcut_edges(materials: Materials) -> Alpha | None:
    """Return GrabCut's matte on the picture with its contours enhanced."""
    return _refined(materials, "grabcut-edges")
