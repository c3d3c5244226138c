"""Alpha from a network in an ONNX file, refined in its band."""

from __future__ import annotations

from toprung.cutting.holes import settle_holes
from toprung.cutting.masks.onnx_masker import OnnxMasker
from toprung.cutting.matte.band import band_alpha
from toprung.cutting.methods.materials import Materials
from toprung.cutting.methods.registry import method
from toprung.cutting.scene import Alpha


@method("network", "a saliency or matting network (--model file.onnx), its closed holes opened, refined", default=True)
def network(materials: Materials) -> Alpha | None:
    """Return the network's matte; None without a model.

    Networks tend to fill the holes of tape rolls and handles; where the background is known, those that show it are
    opened.
    """
    if materials.model is None:
        return None
    mask = OnnxMasker(materials.model)(materials.scene)
    if materials.background is not None:
        mask = settle_holes(materials.rgb, materials.background, mask)
    return band_alpha(materials.rgb, materials.trimap_of(mask))
