"""What each kind of file gives."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from tests.images.make_content import encode, matrix_profile, smooth
from tests.images.test_profiles import ADOBE_RGB, GAMMA, adobe_to_srgb, muted
from toprung.cutting.photo import open_photo
from toprung.errors import CutoutError, UnreadableImage
from toprung.images.files import open_rgb
from toprung.images.matrix_profiles import read_matrix_profile, srgb_space

ADOBE = matrix_profile(ADOBE_RGB, GAMMA)
SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def saved(folder: Path, picture: Image.Image | NDArray, picture_format: str, **options: Any) -> Path:
    path = folder / f"photo.{picture_format.lower()}"
    path.write_bytes(encode(picture, picture_format, **options))
    return path


def deep(height: int = 12, width: int = 17, channels: int = 3) -> NDArray[np.uint16]:
    return np.random.default_rng(3).integers(0, 65536, (height, width, channels), dtype=np.uint16)


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "CMYK", "1", "LAB", "YCbCr"])
def test_every_mode_gives_what_the_rest_of_toprung_sees(tmp_path: Path, mode: str) -> None:
    picture_format = {"CMYK": "TIFF", "LAB": "TIFF", "YCbCr": "JPEG"}.get(mode, "PNG")
    picture = Image.fromarray(smooth())
    if mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        converted = ImageCms.profileToProfile(picture, ImageCms.createProfile("sRGB"), lab, outputMode="LAB")
        assert converted is not None
        picture = converted
    else:
        picture = picture.convert(mode)
    path = saved(tmp_path, picture, picture_format)
    photo = open_photo(path)
    assert photo.rgb.dtype == np.float32
    assert (np.rint(photo.rgb * 255) == open_rgb(path)).all()
    assert photo.bits == 8
    assert photo.alpha is None
    assert photo.icc is None
    assert (photo.name, photo.path) == (path.name, path)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("picture_format", ["JPEG", "TIFF", "PNG"])
def test_photos_stand_upright(tmp_path: Path, picture_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, smooth(), picture_format, exif=exif, dpi=(100, 200))
    photo = open_photo(path)
    assert (np.rint(photo.rgb * 255) == open_rgb(path)).all()
    assert photo.dpi == pytest.approx((200, 100) if orientation >= 5 else (100, 200), rel=1e-3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_tiffs_stand_upright(tmp_path: Path, orientation: int) -> None:
    from toprung.cutting.output.tiff import write_tiff

    write_tiff(tmp_path / "plain.tif", deep(), None, None)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = (tmp_path / "plain.tif").read_bytes()
    path = tmp_path / "turned.tif"
    path.write_bytes(with_tag(content, 274, orientation))
    photo = open_photo(path)
    assert photo.bits == 16
    turned = open_photo(saved(tmp_path, (deep() >> 8).astype(np.uint8), "PNG", exif=exif))
    assert photo.rgb.shape == turned.rgb.shape
    assert np.abs(photo.rgb - turned.rgb).max() < 1.01 / 255
    assert np.abs(open_rgb(path) - photo.rgb * 255).max() < 0.51


def with_tag(content: bytes, tag: int, value: int) -> bytes:
    """Put one more short tag into the directory at the end of a TIFF."""
    start = int.from_bytes(content[4:8], "little")
    count = int.from_bytes(content[start : start + 2], "little")
    entries = [content[start + 2 + 12 * i : start + 14 + 12 * i] for i in range(count)]
    entries.append(b"".join(n.to_bytes(w, "little") for n, w in ((tag, 2), (3, 2), (1, 4), (value, 4))))
    entries.sort(key=lambda entry: int.from_bytes(entry[:2], "little"))
    return content[:start] + (count + 1).to_bytes(2, "little") + b"".join(entries) + b"\0\0\0\0"


@pytest.mark.parametrize("extension", [".png", ".tif"])
def test_sixteen_bits_stay(tmp_path: Path, extension: str) -> None:
    values = deep(channels=4)
    path = tmp_path / f"deep{extension}"
    cv2.imwrite(str(path), values)
    photo = open_photo(path)
    assert photo.bits == 16
    assert (np.rint(photo.rgb * 65535) == values[..., 2::-1]).all()
    assert photo.alpha is not None
    assert (np.rint(photo.alpha * 65535) == values[..., 3]).all()


def test_sixteen_bit_grey_stays(tmp_path: Path) -> None:
    values = deep(channels=1)[..., 0]
    path = saved(tmp_path, values, "PNG")
    photo = open_photo(path)
    assert photo.bits == 16
    assert (np.rint(photo.rgb * 65535) == values[..., None]).all()


def test_transparency_is_kept_with_the_colours_below_it(tmp_path: Path) -> None:
    rgba = smooth(channels=4)
    photo = open_photo(saved(tmp_path, rgba, "PNG"))
    assert photo.alpha is not None
    assert (np.rint(photo.alpha * 255) == rgba[..., 3]).all()
    assert (np.rint(photo.rgb * 255) == rgba[..., :3]).all()
    rgba[..., 3] = 255
    assert open_photo(saved(tmp_path, rgba, "PNG")).alpha is None


def test_a_wide_profile_becomes_srgb_and_is_kept(tmp_path: Path) -> None:
    photo = open_photo(saved(tmp_path, muted(), "TIFF", icc_profile=ADOBE))
    assert photo.icc == ADOBE
    assert np.abs(photo.rgb * 255 - adobe_to_srgb(muted())).max() < 0.2
    assert photo.samples is not None
    assert (photo.samples == muted()).all()


def test_an_srgb_profile_changes_nothing_and_is_kept(tmp_path: Path) -> None:
    photo = open_photo(saved(tmp_path, muted(), "PNG", icc_profile=SRGB_PROFILE))
    assert photo.icc == SRGB_PROFILE
    assert photo.samples is None
    assert (np.rint(photo.rgb * 255) == muted()).all()


@pytest.mark.parametrize("profile", [b"nonsense", ADOBE[:200], ADOBE[:128], bytes(400)])
def test_broken_profiles_are_as_none(tmp_path: Path, profile: bytes) -> None:
    photo = open_photo(saved(tmp_path, muted(), "PNG", icc_profile=profile))
    assert photo.icc is None
    assert (np.rint(photo.rgb * 255) == muted()).all()


def test_the_matrix_of_a_profile_agrees_with_little_cms() -> None:
    space = read_matrix_profile(ADOBE)
    assert space is not None
    theirs = ImageCms.profileToProfile(
        Image.fromarray(smooth()),
        ImageCms.ImageCmsProfile(io.BytesIO(ADOBE)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert np.abs(space.to_srgb(smooth()) * 255 - np.asarray(theirs)).max() <= 1.0


def test_to_a_profile_and_back_is_the_same() -> None:
    rgb = np.random.default_rng(0).random((20, 30, 3)).astype(np.float32)
    space = read_matrix_profile(ADOBE)
    assert space is not None
    there = np.rint(space.from_srgb(rgb) * 65535).astype(np.uint16)
    assert np.abs(space.to_srgb(there) - rgb).max() < 0.1 / 255
    same = np.rint(srgb_space().from_srgb(rgb) * 65535).astype(np.uint16)
    assert np.abs(same / 65535 - rgb).max() < 1e-4


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_tiny_pictures_open(tmp_path: Path, shape: tuple[int, int]) -> None:
    assert open_photo(saved(tmp_path, smooth(*shape), "PNG")).rgb.shape == (*shape, 3)


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, smooth(), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(UnreadableImage, match=r"photo\.png: it has more than .* pixels"):
        open_photo(path)


@pytest.mark.parametrize("picture_format", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_cut_off_files_say_so(tmp_path: Path, picture_format: str) -> None:
    content = encode(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8), picture_format)
    path = tmp_path / "cut.bin"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UnreadableImage, match=r"cut\.bin: .*(cut off|damaged)"):
        open_photo(path)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "empty"), (b"hello", "text"), (b"%PDF-1.4", "PDF"), (b"\0" * 99, "zero")]
)
def test_other_files_are_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(UnreadableImage, match=reason):
        open_photo(tmp_path / "x.jpg")
    with pytest.raises(UnreadableImage, match="no such file"):
        open_photo(tmp_path / "y.jpg")


def test_arrays_of_every_type_agree() -> None:
    rgb = smooth()
    whole = open_photo(rgb)
    assert (np.rint(whole.rgb * 255) == rgb).all()
    for array in (rgb.astype(np.uint16) * 257, rgb / 255, (rgb / 255).astype(np.float32)):
        photo = open_photo(array)
        assert np.abs(photo.rgb - whole.rgb).max() < 1e-6
        assert photo.bits == 16
    assert whole.bits == 8
    assert (open_photo(rgb[..., 0]).rgb == whole.rgb[..., :1]).all()
    assert (open_photo(rgb[..., :1]).rgb == whole.rgb[..., :1]).all()
    assert (open_photo(rgb > 128).rgb == (rgb > 128)).all()
    four = open_photo(np.concatenate([rgb, rgb[..., :1]], axis=2))
    assert four.alpha is not None
    assert (np.rint(four.alpha * 255) == rgb[..., 0]).all()


def test_an_array_is_not_shared() -> None:
    array = np.zeros((4, 5, 3), np.float32)
    photo = open_photo(array)
    array[:] = 1
    assert not photo.rgb.any()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(7),
        np.zeros((4, 5, 2)),
        np.zeros((3, 4, 5)),
        np.zeros((2, 4, 5, 3)),
        np.full((4, 5, 3), np.nan),
        np.full((4, 5, 3), np.inf),
        np.full((4, 5, 3), 200.0),
        np.full((4, 5, 3), -0.1),
        np.zeros((4, 5, 3), np.int64),
        np.zeros((4, 5, 3), complex),
    ],
    ids=["empty", "line", "two", "first", "four", "nan", "inf", "levels", "negative", "int64", "complex"],
)
def test_arrays_that_are_no_pictures_are_refused(array: NDArray) -> None:
    with pytest.raises(CutoutError, match=r"give|divide"):
        open_photo(array)


def test_pil_images_are_as_their_files(tmp_path: Path) -> None:
    rgba = smooth(channels=4)
    photo = open_photo(Image.fromarray(rgba))
    same = open_photo(saved(tmp_path, rgba, "PNG"))
    assert (photo.rgb == same.rgb).all()
    assert photo.alpha is not None
    assert (photo.alpha == same.alpha).all()
    assert photo.path is None
    with Image.open(saved(tmp_path, muted(), "TIFF", icc_profile=ADOBE)) as image:
        assert open_photo(image).icc == ADOBE
    assert (open_photo(Image.fromarray(smooth()).convert("P")).rgb * 255 % 1 < 1e-3).any()


def test_a_profile_of_tables_goes_there_and_back_by_little_cms(monkeypatch: pytest.MonkeyPatch) -> None:
    from toprung.images import spaces

    monkeypatch.setattr(spaces, "read_matrix_profile", lambda profile: None)
    spaces.space_of.cache_clear()
    space = spaces.space_of(ADOBE)
    spaces.space_of.cache_clear()
    assert isinstance(space, spaces.TableSpace)
    inner = (60 + smooth() * 0.5).astype(np.uint8)
    there = space.from_srgb((inner / 255).astype(np.float32))
    back = space.to_srgb(np.rint(there * 255).astype(np.uint8))
    assert np.abs(back * 255 - inner).max() <= 2
    assert np.abs(space.to_srgb(muted()) - space.to_srgb(muted().astype(np.uint16) * 257)).max() == 0


def test_what_is_read_with_eight_bits(tmp_path: Path) -> None:
    from toprung.cutting.output.tiff import write_tiff

    write_tiff(tmp_path / "rgba.tif", deep(channels=4), None, None)
    content = bytearray((tmp_path / "rgba.tif").read_bytes())
    start = int.from_bytes(content[4:8], "little")
    for entry in range(start + 2, len(content) - 4, 12):
        tag = int.from_bytes(content[entry : entry + 2], "little")
        if tag == 338:
            content[entry + 8] = 1  # premultiplied alpha
    (tmp_path / "multiplied.tif").write_bytes(content)
    assert open_photo(tmp_path / "multiplied.tif").bits == 8
    assert open_photo(saved(tmp_path, Image.fromarray(np.linspace(0, 1, 99, dtype=np.float32)[None]), "TIFF")).bits == 8
    grey = grey_profile(2.0)
    photo = open_photo(saved(tmp_path, deep(channels=1)[..., 0], "PNG", icc_profile=grey))
    assert photo.bits == 8
    assert photo.icc is None
    levels = deep(channels=1) / 65535
    linear = np.rint(levels * 255) / 255
    expected = np.where(linear**2 <= 0.0031308, 12.92 * linear**2, 1.055 * linear ** (2 / 2.4) - 0.055)
    assert np.abs(photo.rgb - expected).max() < 1.5 / 255


def grey_profile(gamma: float) -> bytes:
    """Turn an RGB profile into one of grey: another colour space in the header, and a curve of that name."""
    profile = matrix_profile(ADOBE_RGB, gamma)
    return profile.replace(b"mntrRGB ", b"mntrGRAY").replace(b"rTRC", b"kTRC", 1)
