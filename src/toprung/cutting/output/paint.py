"""Colours that a person names to lay an object on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from PIL import ImageColor

from toprung.errors import CutoutError, nearest


@dataclass(frozen=True)
class Paint:
    """A plain opaque colour.

    Attributes:
        name: what files are called by it: the colour's name, or its hexadecimal digits.
        rgb: sRGB, 0 to 255 each.
    """

    name: str
    rgb: tuple[int, int, int]


def parse_paint(text: str) -> Paint:
    """Read a colour: a CSS name such as ``white``, ``#rgb``, ``#rrggbb``, or ``rgb(0, 80, 255)``.

    Raises:
        CutoutError: it is none of these, or is transparent.
    """
    try:
        rgb = ImageColor.getrgb(text.strip())
    except ValueError:
        hint = nearest(text, ImageColor.colormap)
        raise CutoutError(f"'{text}' is no colour.{hint} Give a name such as white, or #rrggbb.") from None
    if len(rgb) != 3:
        raise CutoutError(f"the colour '{text}' is transparent; give one without alpha, such as #rrggbb.")
    name = text.strip().lower()
    return Paint(name if re.fullmatch("[a-z]+", name) else "".join(f"{value:02x}" for value in rgb), rgb)
