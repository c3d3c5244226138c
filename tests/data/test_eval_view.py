"""The evaluation view against timm's own transform, and scaled decoding against whole decoding."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from timm.data import create_transform

from toprung.data.eval_view import EvalView
from toprung.data.loaders import EvalLoader
from toprung.data.preprocessing import Preprocessing
from toprung.errors import ModelError
from toprung.images.files import open_rgb
from toprung.images.scaled import ScalablePicture


def _photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    values = sum(
        cv2.resize(
            draw.normal(0, 60 / level, (height // (4 * level) + 2, width // (4 * level) + 2, 3)), (width, height)
        )
        for level in (1, 2, 4, 8)
    )
    return np.clip(values + 128, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("mode", ["center", "squash", "border"])
@pytest.mark.parametrize("shape", [(300, 420), (500, 211), (90, 90), (60, 300)])
@pytest.mark.parametrize("crop_pct", [0.875, 1.0])
def test_it_is_timms_transform(mode: str, shape: tuple[int, int], crop_pct: float) -> None:
    picture = _photo(*shape)
    view = EvalView(Preprocessing((96, 96), crop_pct=crop_pct, crop_mode=mode, interpolation="bicubic"))
    transform = create_transform(
        96, is_training=False, crop_pct=crop_pct, crop_mode=mode, interpolation="bicubic", normalize=False
    )
    theirs = transform(Image.fromarray(picture))
    expected = theirs.permute(1, 2, 0).numpy().astype(int)
    ours = view(picture).astype(int)
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).mean() < 0.25
    assert np.abs(ours - expected).max() <= 12


def test_an_unknown_crop_mode_is_refused() -> None:
    with pytest.raises(ModelError, match="must be center, squash or border"):
        EvalView(Preprocessing((96, 96), crop_mode="middle"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("reduction", [1, 2, 4, 8])
def test_scaled_decoding_shows_the_same_upright_picture(orientation: int, reduction: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(_photo(240, 336)).save(buffer, "JPEG", quality=95, exif=exif)
    whole = open_rgb(buffer.getvalue())
    picture = ScalablePicture(buffer.getvalue())
    assert whole.shape[:2] == (picture.height, picture.width)
    part = picture.pixels(most_reduction=reduction + 0.5)
    assert part.shape[:2] == (-(-picture.height // reduction), -(-picture.width // reduction))
    if reduction == 1:
        assert np.array_equal(part, whole)
    stored = Image.open(io.BytesIO(buffer.getvalue()))
    stored.draft("RGB", (stored.width // reduction, stored.height // reduction))  # Pillow's own scaled decoding
    assert np.array_equal(part, np.array(ImageOps.exif_transpose(stored)))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "grey", "cmyk"])
def test_every_kind_opens_as_open_rgb_does(kind: str) -> None:
    image = Image.fromarray(_photo(64, 80))
    buffer = io.BytesIO()
    if kind == "grey":
        image.convert("L").save(buffer, "JPEG")
    elif kind == "cmyk":
        image.convert("CMYK").save(buffer, "JPEG")
    else:
        image.save(buffer, kind)
    assert np.array_equal(ScalablePicture(buffer.getvalue()).pixels(), open_rgb(buffer.getvalue()))


def test_a_profile_is_applied_to_scaled_pictures_too() -> None:
    from PIL import ImageCms

    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    buffer = io.BytesIO()
    Image.fromarray(_photo(64, 80)).save(buffer, "JPEG", icc_profile=lab)
    assert np.array_equal(ScalablePicture(buffer.getvalue()).pixels(), open_rgb(buffer.getvalue()))


def test_large_jpegs_look_the_same_to_the_model(tmp_path: Path) -> None:
    file = tmp_path / "large.jpg"
    Image.fromarray(_photo(1500, 2000)).save(file, quality=92)
    view = EvalView(Preprocessing((128, 128)))
    by_scaling, whole = view(file).astype(int), view(open_rgb(file)).astype(int)
    assert np.abs(by_scaling - whole).mean() < 1.0


def test_unreadable_pictures_are_listed_and_the_rest_keep_their_rows(tmp_path: Path) -> None:
    paths = []
    for number in range(9):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (20, 20), (number, 0, 0)).save(path)
        paths.append(path)
    paths[0].write_bytes(b"")
    paths[4].write_bytes(paths[4].read_bytes()[:40])
    paths[8].unlink()
    loader = EvalLoader(paths, np.arange(9), EvalView(Preprocessing((20, 20), crop_pct=1.0)), batch_size=4)
    batches = list(loader)
    rows = torch.cat([batch.rows for batch in batches])
    assert rows.tolist() == [1, 2, 3, 5, 6, 7]
    for batch in batches:
        assert batch.images[:, 0, 0, 0].tolist() == batch.rows.tolist() == batch.labels.tolist()
    assert [failure.row for failure in loader.failures] == [0, 4, 8]
    assert "empty" in str(loader.failures[0].error)
