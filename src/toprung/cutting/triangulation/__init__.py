"""Alpha and colours in closed form, from photos of one object on two papers."""

from toprung.cutting.triangulation.triangulate import Triangulated, triangulate

__all__ = ["Triangulated", "triangulate"]
