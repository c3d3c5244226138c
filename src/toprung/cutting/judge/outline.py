"""Does alpha's outline lie where the photo has an edge?"""

from __future__ import annotations

import numpy as np

from toprung.cutting.judge.evidence import Map, dot
from toprung.cutting.judge.registry import measure
from toprung.cutting.judge.view import View


@measure("unsupported_outline")
def unsupported_outline(view: View) -> Map:
    """Alpha's slope where the photo's difference from the background has no slope along it.

    Support is the photo's gradient along alpha's, in units of the step between object and background nearby: 1 where
    the photo steps as alpha does, 0 where the outline crosses a plain surface.
    """
    import cv2

    smooth = cv2.GaussianBlur(view.alpha, (0, 0), 1.0)
    along_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.125)
    along_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.125)
    slope = np.sqrt(along_x**2 + along_y**2)
    photo_x, photo_y = view.evidence.edge_strength
    directed = photo_x * along_x[..., None] + photo_y * along_y[..., None]
    step = np.sqrt(dot(directed, directed)) / np.maximum(slope, 1e-4)
    apart = view.inside_colour - view.evidence.background.rgb
    height = np.sqrt(dot(apart, apart)) + 2 * view.evidence.noise
    support = np.clip(step / np.maximum(height * slope, 1e-4), 0, 1)
    return np.asarray(slope * (1 - support))
