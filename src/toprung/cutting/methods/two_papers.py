"""Alpha from the same object on two papers."""

from __future__ import annotations

from toprung.cutting.methods.materials import Materials
from toprung.cutting.methods.registry import method
from toprung.cutting.scene import Alpha
from toprung.cutting.triangulation.triangulate import triangulate


@method("two-papers", "triangulation from a second photo on another paper", default=True, decides=True)
def two_papers(materials: Materials) -> Alpha | None:
    """Return the triangulated alpha; None unless both photos' backgrounds are known."""
    if materials.second is None or materials.second.background is None or materials.background is None:
        return None
    second = materials.second
    assert second.background is not None
    return triangulate(materials.rgb, materials.background, second.rgb, second.background).alpha
