"""One made-up case: photo, plate, second photo on another paper, its plate, and the truth.

The photo is the object over a ground with a contact shadow; the plate is the same ground without either, hand-held:
another homography (up to 3 % and 2 degrees), exposure (±0.2 EV), noise and JPEG.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.cutout_cases.shapes import outline_alpha
from benchmarks.cutout_cases.surfaces import (
    camouflage,
    clutter,
    decode,
    encode,
    paint,
    paper,
    paper_names,
    smooth_noise,
)

GROUPS = ("plain", "camouflaged", "holes", "thin", "soft")
GROUNDS = ("paper", "photograph")


@dataclass(frozen=True)
class Case:
    """A case with its truth.

    Attributes:
        photo, plate, second, second_plate: ``(H, W, 3)`` uint8 sRGB as a camera would have written them.
        alpha: ``(H, W)`` float32, the truth of the photo.
        foreground: ``(H, W, 3)`` float32 sRGB, the object's colours as they lie in the photo.
        matrix: ``(3, 3)`` plate pixel → photo pixel.
        second_matrix: ``(3, 3)`` second plate's pixel → second photo's pixel.
        shift: ``(3, 3)`` second photo's pixel → photo's pixel, for the object.
        encoding: "linear" or "gamma", how object and ground were mixed.
    """

    name: str
    group: str
    ground: str
    photo: NDArray[np.uint8]
    plate: NDArray[np.uint8]
    second: NDArray[np.uint8]
    second_plate: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    foreground: NDArray[np.float32]
    matrix: NDArray[np.float64]
    second_matrix: NDArray[np.float64]
    shift: NDArray[np.float64]
    encoding: str


def make_case(
    seed: int,
    group: str = "plain",
    ground: str = "paper",
    objects: str = "train",
    size: tuple[int, int] = (480, 640),
    encoding: str | None = None,
    noise: float = 1.0,
) -> Case:
    """Make a case.

    Args:
        seed: any number; with the other arguments it fixes every pixel.
        group: one of GROUPS.
        ground: one of GROUNDS.
        objects: "train" or "test": different families of shapes.
        size: height, width.
        encoding: "linear" or "gamma"; drawn from the seed when None.
        noise: factor on sensor noise; 0 also leaves out JPEG and rounding to 8 bit stays.
    """
    rng = np.random.default_rng([seed, GROUPS.index(group), GROUNDS.index(ground), objects == "test"])
    height, width = size
    drawn = "linear" if rng.random() < 0.5 else "gamma"
    encoding = encoding or drawn
    alpha = outline_alpha(rng, group, objects, height, width)
    margin = int(0.12 * max(size)) + 8
    first, other = paper_names(rng)
    tall, wide = height + 2 * margin, width + 2 * margin
    sheet = paper(rng, tall, wide, first) if ground == "paper" else clutter(rng, tall, wide)
    second_sheet = paper(rng, tall, wide, other)
    fresh = paint(rng, height, width)
    surface = camouflage(rng, sheet[margin:-margin, margin:-margin], fresh) if group == "camouflaged" else fresh
    shadow = _shadow(rng, alpha)
    level = noise * 10 ** rng.uniform(-2.5, -1.9)
    quality = int(rng.integers(82, 98)) if noise > 0 else 0
    to_photo = _frame(margin)
    photo = _expose(rng, _mix(alpha, surface, _warp(sheet, to_photo, size), shadow, encoding), 0.0, level, quality)
    matrix = _hand_held(rng, height, width)
    plate = _expose(rng, _warp(sheet, np.linalg.inv(matrix) @ to_photo, size), rng.uniform(-0.2, 0.2), level, quality)

    shift = np.eye(3)
    if rng.random() < 0.5 and noise > 0:
        shift[:2, 2] = rng.uniform(-1, 1, 2)
    back = np.linalg.inv(shift)
    moved_alpha = cv2.warpPerspective(alpha, back, (width, height), flags=cv2.INTER_CUBIC)
    moved_surface = cv2.warpPerspective(
        surface, back, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    under = _warp(second_sheet, to_photo, size)
    mixed = _mix(np.clip(moved_alpha, 0, 1), moved_surface, under, _shadow(rng, alpha), encoding)
    second = _expose(rng, mixed, rng.uniform(-0.05, 0.05) * (noise > 0), level, quality)
    second_matrix = _hand_held(rng, height, width)
    second_plate = _expose(
        rng, _warp(second_sheet, np.linalg.inv(second_matrix) @ to_photo, size), rng.uniform(-0.2, 0.2), level, quality
    )
    name = f"{group}-{ground}-{objects}-{seed}"
    return Case(
        name, group, ground, photo, plate, second, second_plate, alpha, surface, matrix, second_matrix, shift, encoding
    )


def _frame(margin: int) -> NDArray[np.float64]:
    """The transform from the sheet's canvas to the photo."""
    return np.array([[1.0, 0, -margin], [0, 1, -margin], [0, 0, 1]])


def _hand_held(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float64]:
    """A plate → photo transform: shift and zoom up to 3 %, turn up to 2 degrees, a little perspective."""
    turn = np.deg2rad(rng.uniform(-2, 2))
    zoom = 1 + rng.uniform(-0.03, 0.03)
    centre = np.array([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1.0]])
    body = np.array(
        [[zoom * np.cos(turn), -zoom * np.sin(turn), 0], [zoom * np.sin(turn), zoom * np.cos(turn), 0], [0, 0, 1]]
    )
    body[0, 2], body[1, 2] = rng.uniform(-0.03, 0.03, 2) * [width, height]
    body[2, :2] = rng.uniform(-0.01, 0.01, 2) / max(height, width)
    return centre @ body @ np.linalg.inv(centre)


def _warp(sheet: NDArray[np.float32], matrix: NDArray, size: tuple[int, int]) -> NDArray[np.float32]:
    flags = cv2.INTER_CUBIC
    return np.clip(cv2.warpPerspective(sheet, matrix, size[::-1], flags=flags, borderMode=cv2.BORDER_REFLECT), 0, 1)


def _shadow(rng: np.random.Generator, alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Light left on the ground, in [0, 1]: a soft contact shadow to one side of the object."""
    height, width = alpha.shape
    reach = min(height, width) * rng.uniform(0.01, 0.05)
    moved = np.float32([[1, 0, rng.normal() * reach], [0, 1, abs(rng.normal()) * reach]])
    cast = cv2.GaussianBlur(cv2.warpAffine(alpha, moved, (width, height)), (0, 0), reach + 1)
    return 1 - rng.uniform(0.1, 0.45) * cast


def _mix(alpha: NDArray, surface: NDArray, ground: NDArray, shadow: NDArray, encoding: str) -> NDArray[np.float32]:
    """Lay the object over the shadowed ground, in linear light or on the encoded values."""
    shaded = decode(ground) * shadow[..., None]
    share = alpha[..., None]
    if encoding == "linear":
        return encode(share * decode(surface) + (1 - share) * shaded)
    return np.clip(share * surface + (1 - share) * encode(shaded), 0, 1).astype(np.float32)


def _expose(
    rng: np.random.Generator, srgb: NDArray[np.float32], stops: float, level: float, quality: int
) -> NDArray[np.uint8]:
    """Take the picture: exposure in stops, white balance, shot and read noise, 8 bits, JPEG."""
    height, width = srgb.shape[:2]
    light = decode(srgb) * 2**stops * np.exp(rng.normal(0, 0.01, 3) * (stops != 0))
    if stops:
        light = light * (1 + 0.02 * smooth_noise(rng, height, width, max(height, width) / 2)[..., None])
    light = light + level * np.sqrt(0.05 + light) * rng.normal(size=light.shape) * 0.5
    picture = np.round(encode(light) * 255).astype(np.uint8)
    if quality:
        ok, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        assert ok
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    return np.ascontiguousarray(picture)
