"""A picture, the same with a heat map over it, and a colour bar that says what the colours mean."""

from __future__ import annotations

import contextlib

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_GAP = 12
_LEGEND = 190  # pixels wide
_BAR = 22
_TEXT = 15
_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf")
_INK = (30, 30, 30)
_PAPER = (255, 255, 255)
_HEAT_SHARE = 0.55  # of the colour over the grey picture: what is below stays visible


def draw_overlay(
    pixels: NDArray[np.uint8], heat: NDArray[np.float32], title: str, lines: list[str]
) -> NDArray[np.uint8]:
    """Draw picture, overlay and legend side by side.

    Args:
        pixels: ``(H, W, 3)`` uint8 sRGB.
        heat: ``(H, W)`` in [0, 1]; 0 is dark violet and 1 yellow in every picture, so that pictures compare.
        title: what the heat is of, such as a class.
        lines: said below it.

    Returns:
        ``(H', W', 3)`` uint8 sRGB, on white.
    """
    height, width = heat.shape
    tall = max(height, 200)
    canvas = np.full((tall + 2 * _GAP, 2 * width + _LEGEND + 4 * _GAP, 3), _PAPER, dtype=np.uint8)
    for place, shown in enumerate((pixels, _coloured(pixels, heat))):
        left = _GAP + place * (width + _GAP)
        canvas[_GAP : _GAP + height, left : left + width] = shown
    _draw_legend(canvas, 2 * width + 3 * _GAP, tall, title, lines)
    return canvas


def _coloured(pixels: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    return np.rint(_HEAT_SHARE * _colours(heat) + (1 - _HEAT_SHARE) * grey).astype(np.uint8)


def _colours(heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return ``(H, W, 3)`` uint8 RGB: viridis, whose brightness rises evenly, for colour-blind eyes and grey print."""
    levels = np.rint(255 * np.clip(heat, 0, 1)).astype(np.uint8)
    colours: NDArray[np.uint8] = cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)[..., ::-1].astype(np.uint8)
    return colours


def _draw_legend(canvas: NDArray[np.uint8], left: int, tall: int, title: str, lines: list[str]) -> None:
    """Write title, lines and a colour bar from 0 to 100 % into the canvas."""
    panel = Image.new("RGB", (_LEGEND, tall), _PAPER)
    draw = ImageDraw.Draw(panel)
    large, small = _font(_TEXT + 3), _font(_TEXT - 2)
    draw.text((0, 0), _fitting(title, large), _INK, font=large)
    down = _TEXT + 12
    for line in lines:
        draw.text((0, down), _fitting(line, small), _INK, font=small)
        down += _TEXT + 4
    top, bottom = down + 10, min(tall - 6, down + 10 + 260)
    ramp = np.linspace(1, 0, bottom - top, dtype=np.float32)[:, None].repeat(_BAR, axis=1)
    panel.paste(Image.fromarray(_colours(ramp)), (0, top))
    for share in (0.0, 0.5, 1.0):
        level = top + (1 - share) * (bottom - top - 1)
        draw.line((_BAR, level, _BAR + 5, level), _INK)
        draw.text((_BAR + 9, level), f"{share:.0%}", _INK, font=small, anchor="lm")
    canvas[_GAP : _GAP + tall, left : left + _LEGEND] = np.asarray(panel)


def _font(size: int) -> Font:
    """Return a font of the system with many alphabets; Pillow's own, which has but English letters, where none is."""
    for name in _FONTS:
        with contextlib.suppress(OSError):
            return ImageFont.truetype(name, size)
    return ImageFont.load_default(size)


def _fitting(text: str, font: Font) -> str:
    """Return the text, cut to the width of the legend."""
    if font.getlength(text) <= _LEGEND:
        return text
    while text and font.getlength(text + "…") > _LEGEND:
        text = text[:-1]
    return text + "…"
