"""The camera of the set of artwork: frames as their matrices say, noise as stated; cases load as they were saved."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from benchmarks.cutout_artwork import load, load_all
from benchmarks.cutout_artwork.camera import Camera, hand_held, look, to_light, to_srgb
from benchmarks.cutout_artwork.make import _lay, _soften, _unmultiplied
from benchmarks.cutout_artwork.pictures import DRAWINGS


def test_sixty_drawings_each_once() -> None:
    every = [drawing for group in DRAWINGS.values() for drawing in group]
    assert len(every) == len(set(every)) == 60


def test_light_and_back() -> None:
    values = np.linspace(0, 1, 256, dtype=np.float32)
    np.testing.assert_allclose(to_srgb(to_light(values)), values, atol=2e-6)


def test_a_hand_moves_no_further_than_stated() -> None:
    rng = np.random.default_rng(0)
    corners = np.array([[[0, 0], [999, 0], [999, 749], [0, 749]]], np.float64)
    for _ in range(50):
        matrix = hand_held(rng, 1000, 750)
        moved = cv2.perspectiveTransform(corners, matrix)
        # 2 degrees at the corners are 2.2 % of the width; zoom, shift and perspective come on top
        assert np.linalg.norm(moved - corners, axis=2).max() < 0.07 * 1000
        assert abs(np.rad2deg(np.arctan2(matrix[1, 0], matrix[0, 0]))) < 3


def test_a_point_lands_where_the_matrix_says() -> None:
    world = np.zeros((200, 260, 3), np.float32)
    world[60:63, 100:103] = 1  # its middle at (101, 61)
    matrix = np.array([[1.01, -0.02, 3], [0.02, 1.01, -4], [1e-5, 0, 1]])
    first, second = (look(world, (30, 25), 1.0, frame, 200, 150)[..., 0] for frame in (np.eye(3), matrix))
    y, x = np.mgrid[0:150, 0:200]
    middles = [(float((part * x).sum() / part.sum()), float((part * y).sum() / part.sum())) for part in (first, second)]
    np.testing.assert_allclose(middles[0], (71, 36), atol=1e-3)
    mapped = cv2.perspectiveTransform(np.array([[middles[1]]]), matrix)[0, 0]
    np.testing.assert_allclose(mapped, middles[0], atol=0.05)


def test_noise_is_what_the_camera_states() -> None:
    camera = Camera(blur=0.5, read=0.003, shot=1e-4, quality=100)
    grey = np.full((200, 200, 3), to_srgb(np.float32(0.2)), np.float32)
    taken = camera.take(np.random.default_rng(0), grey, 0.0, np.ones(3))
    light = to_light(taken / 255.0)
    assert abs(float(light.mean()) - 0.2) < 0.003
    # JPEG at 100 subsamples colour, so the noise of luma is what stays
    luma = cv2.cvtColor(taken, cv2.COLOR_RGB2GRAY).astype(float)
    slope = float(to_srgb(np.float32(0.201)) - to_srgb(np.float32(0.199))) / 0.002 * 255
    expected = np.sqrt(0.003**2 + 1e-4 * 0.2) * slope * np.sqrt(0.299**2 + 0.587**2 + 0.114**2)
    assert abs(luma.std() - expected) < 0.25 * expected


def test_an_opaque_object_hides_the_ground_and_a_clear_one_does_not() -> None:
    camera = Camera(0.5, 0.001, 1e-5, 95)
    draw = np.random.default_rng(1)
    sheet = draw.uniform(0.2, 0.8, (1100, 1400, 3)).astype(np.float32)
    colour = np.full((864, 1152, 3), 0.3, np.float32)
    light = np.ones((864, 1152), np.float32)
    for encoding in ("gamma", "linear"):
        solid = _lay(camera, sheet, np.eye(3), light, colour, light, encoding)
        np.testing.assert_allclose(solid, 0.3, atol=1e-5)
        clear = _lay(camera, sheet, np.eye(3), 0 * light, colour, light, encoding)
        assert clear.std() > 0.02


def test_softening_keeps_the_colour_and_spreads_alpha() -> None:
    alpha = np.zeros((160, 160), np.float32)
    alpha[50:110, 50:110] = 1
    colour = np.where(alpha[..., None] > 0, np.float32([0.9, 0.2, 0.1]), np.float32(0)).astype(np.float32)
    soft, kept = _soften(alpha, colour, 3.0)
    assert abs(float(soft.sum()) - 3600) < 1
    np.testing.assert_allclose(kept[soft > 0.05], np.broadcast_to([0.9, 0.2, 0.1], kept[soft > 0.05].shape), atol=2e-3)
    same, _ = _unmultiplied(np.dstack([colour, alpha]))
    np.testing.assert_array_equal(same, alpha)


def test_a_saved_case_loads(tmp_path: Path) -> None:
    folder = tmp_path / "plain-00"
    folder.mkdir()
    draw = np.random.default_rng(2)
    pixels = {name: draw.integers(0, 256, (20, 30, 3)) for name in ("photo", "plate", "second", "second_plate")}
    for name, picture in pixels.items():
        cv2.imwrite(str(folder / f"{name}.png"), picture[..., ::-1].astype(np.uint8))
    alpha = draw.uniform(0, 1, (20, 30))
    cv2.imwrite(str(folder / "alpha.png"), np.round(alpha * 65535).astype(np.uint16))
    cv2.imwrite(str(folder / "foreground.png"), np.full((20, 30, 3), (0, 0, 65535), np.uint16))
    eye = np.eye(3).tolist()
    facts = {"group": "plain", "ground": "paper", "matrix": eye, "second_matrix": eye, "encoding": "gamma"}
    (folder / "case.json").write_text(json.dumps(facts))
    case = load(folder)
    assert [one.name for one in load_all(tmp_path)] == ["plain-00"]
    assert (case.photo == pixels["photo"]).all()
    np.testing.assert_allclose(case.alpha, alpha, atol=1e-5)
    np.testing.assert_allclose(case.foreground[0, 0], (1, 0, 0))
