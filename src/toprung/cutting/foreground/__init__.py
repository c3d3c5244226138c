"""Colours of the object under a known alpha."""

from toprung.cutting.foreground.estimate import estimate_foreground

__all__ = ["estimate_foreground"]
