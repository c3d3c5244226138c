"""What a hand and a camera do to a scene: frame, light, optics, noise, JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def to_light(srgb: NDArray) -> Floats:
    """sRGB in [0, 1] to linear light (IEC 61966-2-1)."""
    value = np.clip(np.asarray(srgb, np.float32), 0, None)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def to_srgb(light: NDArray) -> Floats:
    """Linear light to sRGB, cut to [0, 1]."""
    value = np.clip(np.asarray(light, np.float32), 0, 1)
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055).astype(np.float32)


@dataclass(frozen=True)
class Camera:
    """One phone camera: what stays the same between two of its pictures.

    Attributes:
        blur: standard deviation of the optics' blur in pixels.
        read: standard deviation of the noise in the dark, in linear light of [0, 1].
        shot: variance of the noise per unit of light.
        quality: of the JPEG.
    """

    blur: float
    read: float
    shot: float
    quality: int

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Camera:
        """Draw one: from a lit studio at ISO 100 to a kitchen at ISO 1600."""
        noisy = rng.uniform(0, 1)
        return cls(
            float(rng.uniform(0.4, 1.0)),
            0.0006 + 0.003 * noisy,
            float(10 ** (-4.6 + 1.3 * noisy)),
            int(rng.integers(84, 97)),
        )

    def soften(self, picture: Floats) -> Floats:
        """The optics' blur."""
        return cv2.GaussianBlur(picture, (0, 0), self.blur)

    def take(self, rng: np.random.Generator, srgb: Floats, stops: float, balance: NDArray) -> NDArray[np.uint8]:
        """Expose, add noise, round to 8 bits, and go through a JPEG.

        Args:
            srgb: ``(H, W, 3)`` in [0, 1], already softened.
            stops: exposure against the first picture.
            balance: ``(3,)`` factor of each channel, in linear light.
        """
        light = to_light(srgb) * 2**stops * balance
        noise = rng.normal(size=light.shape) * np.sqrt(self.read**2 + self.shot * light)
        picture = np.round(to_srgb(light + noise) * 255).astype(np.uint8)
        _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, self.quality])
        return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def hand_held(rng: np.random.Generator, width: int, height: int) -> NDArray[np.float64]:
    """A homography from the second picture to the first: corners move by up to 3 % of the width, turn up to 2°."""
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float64)
    centre = corners.mean(0)
    turn, zoom = np.deg2rad(rng.uniform(-2, 2)), 1 + rng.uniform(-0.015, 0.015)
    rotation = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = (corners - centre) @ rotation.T + centre + rng.uniform(-0.02, 0.02, 2) * width
    moved += rng.uniform(-0.004, 0.004, (4, 2)) * width
    return cv2.getPerspectiveTransform(corners.astype(np.float32), moved.astype(np.float32)).astype(np.float64)


def look(
    world: Floats, at: tuple[float, float], scale: float, matrix: NDArray[np.float64], width: int, height: int
) -> Floats:
    """What a camera sees of a flat world.

    Args:
        world: ``(H', W', 3)``, finer than the picture by ``scale``.
        at: x, y of the first picture's corner in the world.
        scale: world pixels per picture pixel.
        matrix: this picture's pixel → first picture's pixel.
    """
    to_world = np.array([[scale, 0, at[0]], [0, scale, at[1]], [0, 0, 1]]) @ matrix
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    seen = cv2.warpPerspective(world, to_world, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.clip(seen, 0, 1).astype(np.float32)
