from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.special import softmax

from tests.runs.make_classifier import make_classifier, make_files
from toprung.cli.looking_options import MERGES
from toprung.data.tile_inputs import LargePicture
from toprung.errors import UnreadableImage
from toprung.evaluation.blending import tile_portions
from toprung.evaluation.merging import merge_of
from toprung.evaluation.tiling import Tiling
from toprung.images.files import open_rgb
from toprung.images.tiles import cover
from toprung.runs import tiled
from toprung.runs.tiled import TiledAnswer, TiledClassifier, with_tiles
from toprung.runs.viewed import ViewedClassifier


def shares_by_hand(pixels: np.ndarray, side: int, overlap: float) -> np.ndarray:
    """Return the probabilities of each tile, cut out and predicted as a picture of its own."""
    tiles = [pixels[b.top : b.bottom, b.left : b.right] for b in cover(*pixels.shape[:2], side, overlap).boxes]
    return softmax(make_classifier(crop_pct=1.0).logits(tiles).astype(float), axis=1)


@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize(("side", "batch_size"), [(40, 3), (25, 64), (500, 4)])
def test_tiles_are_predicted_and_merged(merge: str, side: int, batch_size: int, tmp_path: Path) -> None:
    files = make_files(tmp_path, 3)
    found = TiledClassifier(make_classifier(), Tiling(side, merge=merge)).logits(files, batch_size=batch_size)
    for file, logits in zip(files, found, strict=True):
        pixels = open_rgb(file)
        shares = shares_by_hand(pixels, side, 0.25)
        portions = tile_portions(cover(*pixels.shape[:2], side, 0.25), "constant")
        assert np.exp(logits) == pytest.approx(merge_of(merge)(shares, portions), abs=1e-5)


def test_the_whole_picture_counts_half(tmp_path: Path) -> None:
    file = make_files(tmp_path, 1)[0]
    classifier = make_classifier()
    tiles = np.exp(TiledClassifier(classifier, Tiling(30)).logits([file])[0])
    whole = classifier.predict(file)
    both = np.exp(TiledClassifier(classifier, Tiling(30, with_whole=True)).logits([file])[0])
    plain = [whole.probabilities[name] for name in classifier.classes]
    assert both == pytest.approx((tiles + np.array(plain)) / 2, abs=1e-5)


def test_views_of_tiles(tmp_path: Path) -> None:
    pixels = open_rgb(make_files(tmp_path, 1, height=70, width=105)[0])
    shares = shares_by_hand(pixels, 35, 0.0)
    mirrored = shares_by_hand(pixels[:, ::-1], 35, 0.0).reshape(2, 3, 3)[:, ::-1].reshape(6, 3)
    expected = merge_of("max")((shares + mirrored) / 2, np.full(6, 1 / 6))
    around = TiledClassifier(ViewedClassifier(make_classifier(), ("flip",)), Tiling(35, overlap=0.0, merge="max"))
    assert np.exp(around.logits([pixels])[0]) == pytest.approx(expected, abs=1e-5)


def test_without_a_tiling_nothing_changes() -> None:
    classifier = make_classifier()
    assert with_tiles(classifier, None) is classifier


def test_each_pictures_tiles_are_told(tmp_path: Path) -> None:
    files = make_files(tmp_path, 3)
    told: list[TiledAnswer] = []
    found = TiledClassifier(make_classifier(), Tiling(), told.append).logits(files)
    assert [one.source for one in told] == files
    for one, logits in zip(told, found, strict=True):
        assert one.grid.side == 35
        assert one.tiles.shape == (len(one.grid), 3)
        assert np.exp(logits) == pytest.approx(one.merged, abs=1e-6)


@pytest.mark.parametrize("together", [1, 1 << 13, 1 << 26])
def test_unreadable_pictures_and_groups(together: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiled, "_PIXELS_TOGETHER", together)
    files = make_files(tmp_path, 7)
    whole = TiledClassifier(make_classifier(), Tiling(30)).logits(files)
    files[0].write_bytes(b"no picture")
    files[3].write_bytes(files[2].read_bytes()[:200])
    files[6].unlink()
    rows: list[int] = []
    told: dict[int, str] = {}
    for good, logits, failures in TiledClassifier(make_classifier(), Tiling(30)).stream(files, batch_size=5):
        assert logits == pytest.approx(whole[good], abs=1e-5)
        rows += good
        told |= dict(failures)
    assert rows == [1, 2, 4, 5]
    assert sorted(told) == [0, 3, 6]
    assert "cut off" in told[3]
    with pytest.raises(UnreadableImage):
        TiledClassifier(make_classifier(), Tiling(30)).predict(files[3])


def test_a_large_jpeg_is_decoded_once_and_reduced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make_files(tmp_path, 1, height=600, width=900, kind="jpg")[0]
    taken: list[tuple[int, int]] = []
    real = LargePicture._decode

    def decode(self: LargePicture, reduction: int, background: tuple[int, int, int]) -> np.ndarray:
        pixels = real(self, reduction, background)
        taken.append(pixels.shape[:2])
        return pixels

    monkeypatch.setattr(LargePicture, "_decode", decode)
    answer = TiledClassifier(make_classifier(), Tiling(300, with_whole=True)).predict(file)
    assert taken == [(150, 225)]  # tiles of 300 pixels, an input of 32 and twice the pixels: a quarter is enough
    pixels = open_rgb(file)
    assert answer.probabilities == pytest.approx(
        TiledClassifier(make_classifier(), Tiling(300, with_whole=True)).predict(pixels).probabilities, abs=0.05
    )


def test_pixels_are_let_go_after_the_last_tile(tmp_path: Path) -> None:
    picture = LargePicture(make_files(tmp_path, 1)[0])
    picture.uses = 3
    pictures = [picture.take(1.0, (255, 255, 255)) for _ in range(3)]
    assert pictures[0] is pictures[2]
    assert not picture._held
    assert picture.take(1.0, (255, 255, 255)) is not pictures[0]


def test_arrays_and_pillow_pictures(tmp_path: Path) -> None:
    file = make_files(tmp_path, 1)[0]
    around = TiledClassifier(make_classifier(), Tiling(30))
    answers = around.predict([file, str(file), open_rgb(file), Image.open(file), file.read_bytes()])
    assert all(one.probabilities == pytest.approx(answers[0].probabilities, abs=1e-5) for one in answers)
