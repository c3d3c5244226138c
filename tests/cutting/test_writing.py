"""What stands in the files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.images.make_content import encode, matrix_profile, smooth
from tests.images.test_profiles import ADOBE_RGB, GAMMA, muted
from toprung.cutting.output.colours import bleed
from toprung.cutting.output.formats import FORMATS
from toprung.cutting.output.paint import parse_paint
from toprung.cutting.output.tiff import write_tiff
from toprung.cutting.photo import open_photo
from toprung.cutting.scene import Photo
from toprung.cutting.writing import Style, write_cutout
from toprung.errors import CutoutError

ADOBE = matrix_profile(ADOBE_RGB, GAMMA)


def disc(height: int = 40, width: int = 60) -> NDArray[np.float32]:
    rows, columns = np.mgrid[:height, :width]
    return (8.5 - np.hypot(rows - 18, columns - 33)).clip(0, 1).astype(np.float32)


def rgba_of(path: Path) -> NDArray:
    read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert read is not None
    return read[..., [2, 1, 0, 3]]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("bits", [8, 16])
def test_shown_pixels_come_back(tmp_path: Path, name: str, bits: int) -> None:
    values = smooth() if bits == 8 else smooth().astype(np.uint16) * 257 // 2 + 3
    photo = open_photo(values)
    written = write_cutout(tmp_path / "out", photo, disc(), photo.rgb, Style(name))
    back = open_photo(written.cutout)
    depth = FORMATS[name].bits
    assert back.alpha is not None
    assert (np.rint(back.alpha * (2**depth - 1)) == np.rint(disc() * (2**depth - 1))).all()
    seen = back.alpha > 0
    assert np.abs(back.rgb - photo.rgb)[seen].max() <= 0.5001 / (2 ** min(bits, depth) - 1) * (bits > depth) + 1e-7
    assert back.bits == depth
    assert written.box == (0, 0, 60, 40)


def test_pillow_reads_each_format_as_straight_rgba(tmp_path: Path) -> None:
    photo = open_photo(smooth())
    for name in FORMATS:
        path = write_cutout(tmp_path / name, photo, disc(), photo.rgb, Style(name)).cutout
        with Image.open(path) as image:
            assert image.mode == "RGBA"
            seen = disc() > 0.01
            assert np.abs(np.asarray(image)[..., :3].astype(int) - smooth())[seen].max() <= 1


@pytest.mark.parametrize("name", FORMATS)
def test_a_photo_in_a_wide_space_keeps_space_and_values(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)  # also colours beyond sRGB
    path = tmp_path / "photo.png"
    path.write_bytes(encode(rng, "PNG", icc_profile=ADOBE))
    photo = open_photo(path)
    written = write_cutout(tmp_path / "out", photo, disc(), photo.rgb, Style(name)).cutout
    with Image.open(written) as image:
        assert image.info["icc_profile"] == ADOBE
    seen = disc() > 0.01
    assert (np.rint(rgba_of(written)[..., :3] / (257 if FORMATS[name].bits == 16 else 1)) == rng)[seen].all()


def test_changed_colours_are_converted_to_the_photos_space(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encode(muted(), "PNG", icc_profile=ADOBE))
    photo = open_photo(path)
    foreground = (0.3 + 0.4 * np.random.default_rng(0).random(photo.rgb.shape)).astype(np.float32)
    back = open_photo(write_cutout(tmp_path / "out", photo, disc(), foreground, Style("png16")).cutout)
    assert np.abs(back.rgb - foreground)[disc() > 0].max() < 1e-3


def test_nothing_of_the_background_is_left(tmp_path: Path) -> None:
    photo = open_photo(np.full((40, 60, 3), 200, np.uint8))
    foreground = photo.rgb.copy()
    foreground[disc() > 0] = 0.25
    for name in FORMATS:
        rgba = rgba_of(write_cutout(tmp_path / name, photo, disc(), foreground, Style(name)).cutout)
        near = cv2.dilate((disc() > 0.01).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        assert not rgba[~near].any()
        white = 2 ** FORMATS[name].bits - 1
        assert (rgba[near][:, :3] == np.rint(np.float32(0.25) * white)).all()


def test_bleeding_ends_at_the_border_and_takes_nearby_colours() -> None:
    samples = np.zeros((4, 9, 3), np.uint8)
    alpha = np.zeros((4, 9), np.uint8)
    samples[0, 0], alpha[0, 0] = (10, 20, 30), 255
    samples[3, 8], alpha[3, 8] = (200, 100, 50), 1
    samples[1, 4] = 99  # a leftover
    bleed(samples, alpha)
    assert (samples[:3, :3] == (10, 20, 30)).all()
    assert (samples[1:, 6:] == (200, 100, 50)).all()
    assert not samples[:, 3:6].any()


def test_scaling_straight_colours_makes_no_halo(tmp_path: Path) -> None:
    photo = open_photo(np.full((40, 60, 3), 255, np.uint8))  # white paper
    foreground = np.full((40, 60, 3), 0.2, np.float32)
    rgba = rgba_of(write_cutout(tmp_path / "out", photo, disc(), foreground, Style("png")).cutout)
    small = cv2.resize(rgba, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    assert (small[small[..., 3] > 0][:, :3] == 51).all()


@pytest.mark.parametrize("margin", [0, 3, 30])
def test_trimming_keeps_what_is_seen_and_adds_the_margin(tmp_path: Path, margin: int) -> None:
    photo = open_photo(smooth())
    style = Style("png", margin, (parse_paint("white"),))
    written = write_cutout(tmp_path / "out", photo, disc(), photo.rgb, style)
    x, y, width, height = written.box
    rgba = rgba_of(written.cutout)
    assert rgba.shape == (height, width, 4)
    padded = np.pad((disc() * 255 + 0.5).astype(np.uint8), 40)
    assert (rgba[..., 3] == padded[40 + y : 40 + y + height, 40 + x : 40 + x + width]).all()
    assert not rgba[:margin, :, 3].any()
    assert rgba[margin, :, 3].any()
    assert rgba[-1 - margin, :, 3].any()
    assert rgba[:, margin, 3].any()
    assert rgba[:, -1 - margin, 3].any()
    with Image.open(written.composites[0]) as composite:
        assert composite.size == (width, height)
        assert composite.getpixel((0, 0)) == (255, 255, 255) or margin == 0


def test_what_nobody_sees_does_not_hold_the_frame(tmp_path: Path) -> None:
    photo = open_photo(smooth())
    alpha = disc()
    whole = write_cutout(tmp_path / "whole", photo, alpha, photo.rgb, Style("png", 0)).box
    alpha[0, 0], alpha[39, 59] = 0.019, 0.01
    assert write_cutout(tmp_path / "faint", photo, alpha, photo.rgb, Style("png16", 0)).box == whole
    alpha[0, 0] = 0.021
    assert write_cutout(tmp_path / "seen", photo, alpha, photo.rgb, Style("png16", 0)).box[:2] == (0, 0)


@pytest.mark.parametrize("margin", [None, 5])
def test_no_object_gives_a_clear_picture_of_the_whole_frame(tmp_path: Path, margin: int | None) -> None:
    photo = open_photo(smooth())
    empty = np.zeros((40, 60), np.float32)
    rgba = rgba_of(write_cutout(tmp_path / "out", photo, empty, photo.rgb, Style("png", margin)).cutout)
    assert rgba.shape == (40, 60, 4)
    assert not rgba.any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1)])
@pytest.mark.parametrize("name", FORMATS)
def test_tiny_pictures(tmp_path: Path, shape: tuple[int, int], name: str) -> None:
    photo = open_photo(smooth(*shape))
    written = write_cutout(tmp_path / "out", photo, np.ones(shape, np.float32), photo.rgb, Style(name, 0))
    assert open_photo(written.cutout).rgb.shape == (*shape, 3)


def test_composites_are_the_sum_in_srgb_values(tmp_path: Path) -> None:
    photo = open_photo(smooth())
    style = Style("png", None, (parse_paint("white"), parse_paint("#0050FF")))
    written = write_cutout(tmp_path / "out", photo, disc(), photo.rgb, style)
    assert [path.name for path in written.composites] == ["out.on-white.png", "out.on-0050ff.png"]
    for path, colour in zip(written.composites, [(255, 255, 255), (0, 80, 255)], strict=True):
        share = disc()[..., None].astype(float)
        expected = smooth() * share + np.array(colour) * (1 - share)
        with Image.open(path) as image:
            assert image.mode == "RGB"
            assert np.abs(np.asarray(image) - expected).max() <= 0.51


@pytest.mark.parametrize("name", ["png", "png16", "tiff"])
def test_the_resolution_is_kept(tmp_path: Path, name: str) -> None:
    photo = replace(open_photo(smooth()), dpi=(300.0, 150.0))
    path = write_cutout(tmp_path / "out", photo, disc(), photo.rgb, Style(name)).cutout
    assert open_photo(path).dpi == pytest.approx((300, 150), rel=1e-4)


def test_orientation_and_other_exif_are_dropped(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "where I live"
    path = tmp_path / "photo.jpg"
    path.write_bytes(encode(smooth(), "JPEG", exif=exif))
    photo = open_photo(path)
    for name in FORMATS:
        written = write_cutout(tmp_path / name, photo, disc(60, 40), photo.rgb, Style(name)).cutout
        assert b"where I live" not in written.read_bytes()
        with Image.open(written) as image:
            assert image.size == (40, 60)
            assert 0x0112 not in image.getexif()


def test_auto_keeps_the_depth(tmp_path: Path) -> None:
    for values, bits in ((smooth(), 8), (smooth().astype(np.uint16) * 257, 16)):
        photo = open_photo(values)
        written = write_cutout(tmp_path / str(bits), photo, disc(), photo.rgb, Style())
        assert written.cutout.suffix == ".png"
        assert open_photo(written.cutout).bits == bits


def test_neither_the_photo_nor_foreign_files_are_written_over(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encode(smooth(), "PNG"))
    before = path.read_bytes()
    photo = open_photo(path)

    def write(stem: str, **options: object) -> None:
        write_cutout(tmp_path / stem, photo, disc(), photo.rgb, Style("png"), **options)  # type: ignore[arg-type]

    with pytest.raises(CutoutError, match="is the photo itself"):
        write("photo", replaceable=[path])
    (tmp_path / "link.png").symlink_to(path)
    with pytest.raises(CutoutError, match="is the photo itself"):
        write("link", replaceable=[tmp_path / "link.png"])
    (tmp_path / "other.png").write_bytes(b"mine")
    with pytest.raises(CutoutError, match="exists already"):
        write("other")
    assert (tmp_path / "other.png").read_bytes() == b"mine"
    write("other", replaceable=[tmp_path / "other.png"])
    assert (tmp_path / "other.png").read_bytes() != b"mine"
    assert path.read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    photo = open_photo(smooth())
    assert write_cutout(tmp_path / "a" / "b" / "out", photo, disc(), photo.rgb, Style("png")).cutout.exists()


def test_what_webp_does_not_hold_is_refused(tmp_path: Path) -> None:
    photo = open_photo(np.zeros((1, 16384, 3), np.uint8))
    with pytest.raises(CutoutError, match="take png"):
        write_cutout(tmp_path / "out", photo, photo.rgb[..., 0], photo.rgb, Style("webp"))
    assert not list(tmp_path.iterdir())


def test_a_tiff_of_many_strips(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (700, 300, 4), dtype=np.uint16)
    write_tiff(tmp_path / "x.tif", values, ADOBE, (72.5, 300))
    assert (rgba_of(tmp_path / "x.tif") == values).all()
    with Image.open(tmp_path / "x.tif") as image:
        assert image.tag_v2[338] == (2,)
        assert len(image.tag_v2[273]) > 1
        assert (np.asarray(image) == values >> 8).all()


@pytest.mark.parametrize(
    ("text", "name", "rgb"),
    [
        ("white", "white", (255, 255, 255)),
        ("#F00", "ff0000", (255, 0, 0)),
        (" Navy", "navy", (0, 0, 128)),
        ("rgb(0, 80, 255)", "0050ff", (0, 80, 255)),
    ],
)
def test_colours(text: str, name: str, rgb: tuple[int, int, int]) -> None:
    assert (parse_paint(text).name, parse_paint(text).rgb) == (name, rgb)


@pytest.mark.parametrize(("text", "hint"), [("whit", "white"), ("#12", "rrggbb"), ("#11223344", "transparent")])
def test_other_colours_are_refused(text: str, hint: str) -> None:
    with pytest.raises(CutoutError, match=hint):
        parse_paint(text)


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    photo: Photo = open_photo(smooth())
    with pytest.raises(CutoutError, match=r"Did you mean png.*Known: png, png16, webp, tiff"):
        write_cutout(tmp_path / "out", photo, disc(), photo.rgb, Style("pngg"))


def test_names_of_a_style_are_those_it_writes(tmp_path: Path) -> None:
    photo = open_photo(smooth())
    for name in ("auto", *FORMATS):
        style = Style(name, None, (parse_paint("red"),))
        written = write_cutout(tmp_path / name, photo, disc(), photo.rgb, style)
        assert {path.name for path in written.files} == set(style.names(name))
