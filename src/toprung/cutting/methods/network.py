"""Alpha from a network in an ONNX file, refined in its band."""

from __future__ import annotations

from toprung.cutting.masks.onnx_masker import OnnxMasker
from toprung.cutting.matte.band import band_alpha
from toprung.cutting.methods.materials import Materials
from toprung.cutting.methods.registry import method
from toprung.cutting.scene import Alpha


@method("network", "a saliency or matting network (--model file.onnx), refined by closed-form matting", default=True)
def network(materials: Materials) -> Alpha | None:
    """Return the network's matte; None without a model."""
    if materials.model is None:
        return None
    mask = OnnxMasker(materials.model)(materials.scene)
    return band_alpha(materials.rgb, materials.trimap_of(mask))
