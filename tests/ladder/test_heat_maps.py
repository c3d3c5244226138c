from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.runs.make_classifier import make_classifier, make_files
from toprung.evaluation.tiling import Tiling
from toprung.images.heat_overlay import draw_overlay
from toprung.images.tiles import cover
from toprung.ladder.heat_maps import SIDE, HeatMaps, heat_map_file
from toprung.runs.tiled import TiledAnswer, TiledClassifier

VIRIDIS = cv2.applyColorMap(np.array([[0, 255]], np.uint8), cv2.COLORMAP_VIRIDIS)[0, :, ::-1].astype(float)


def test_a_map_per_picture_and_none_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    files = [*make_files(tmp_path, 2), *make_files(tmp_path / "x", 1)]
    tiling = Tiling(30)
    classifier = make_classifier()
    TiledClassifier(classifier, tiling, HeatMaps(tmp_path / "maps", classifier.classes, tiling)).logits(files)
    made = sorted((tmp_path / "maps").iterdir())
    assert made == sorted(heat_map_file(tmp_path / "maps", file) for file in files)
    assert len(made) == 3  # two of them are called 0.png
    made[0].write_bytes(b"mine")
    TiledClassifier(classifier, tiling, HeatMaps(tmp_path / "maps", classifier.classes, tiling)).logits(files)
    assert made[0].read_bytes() == b"mine"
    with Image.open(made[1]) as opened:
        assert opened.format == "JPEG"


@pytest.mark.parametrize(("height", "width"), [(40, 3000), (1200, 1900), (9, 7)])
def test_the_hot_tile_is_hot(height: int, width: int, tmp_path: Path) -> None:
    file = tmp_path / "black.png"
    Image.new("RGB", (width, height)).save(file)
    grid = cover(height, width, None, 0.0)
    tiles = np.zeros((len(grid), 2))
    tiles[:, 1], tiles[0] = 1, (1, 0)
    HeatMaps(tmp_path / "maps", ("hot", "cold"), Tiling(overlap=0.0))(
        TiledAnswer(file, grid, tiles, np.array([0.6, 0.4]))
    )
    with Image.open(heat_map_file(tmp_path / "maps", file)) as opened:
        drawn = np.asarray(opened).astype(float)
    shrink = max(max(height, width) / SIDE, 1)
    left, top = 12 + round(width / shrink) + 12, 12
    side = grid.side / shrink
    inside = drawn[top + int(side / 2), left + int(side / 2)]
    outside = drawn[top + round(height / shrink) - 1, left + round(width / shrink) - 2]
    assert inside == pytest.approx(0.55 * VIRIDIS[1], abs=25)
    assert outside == pytest.approx(0.55 * VIRIDIS[0], abs=25)


def test_picture_overlay_and_legend_stand_side_by_side() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (120, 150, 3), dtype=np.uint8)
    drawn = draw_overlay(pixels, np.zeros((120, 150), np.float32), "a very long name of a class " * 3, ["x"])
    assert np.array_equal(drawn[12:132, 12:162], pixels)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None]
    assert np.abs(drawn[12:132, 174:324] - (0.55 * VIRIDIS[0] + 0.45 * grey)).max() <= 1
    legend = drawn[:, 336:]
    assert (legend < 100).all(axis=2).any()  # writing
    assert (drawn[:12] == 255).all()
