"""Random changes of brightness, contrast and saturation."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageEnhance

from toprung.data.resample import Pixels

_ENHANCERS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)


def jitter_colours(pixels: Pixels, strength: float, draw: np.random.Generator) -> Pixels:
    """Scale brightness, contrast and saturation, in random order, each by a factor in ``1 ± strength``.

    Args:
        pixels: ``(H, W, 3)`` uint8.
        strength: in [0, 1].
        draw: source of chance.

    Source:
        Howard 2013, "Some improvements on deep CNN based image classification", section 2; as torchvision's
        ``ColorJitter`` without hue.
    """
    image = Image.fromarray(np.ascontiguousarray(pixels))
    for which in draw.permutation(len(_ENHANCERS)):
        image = _ENHANCERS[which](image).enhance(float(draw.uniform(1 - strength, 1 + strength)))
    return np.array(image)
