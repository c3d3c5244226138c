import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tests.images.make_content import WRITABLE, encode, smooth
from toprung.errors import UnreadableImage
from toprung.images.files import extension_fits, identify, open_rgb, upright_size

LOSSY = {"JPEG", "AVIF", "GIF"}  # as Pillow writes them by default; GIF for its palette
GREEN = (0, 180, 60)


def over(rgba: NDArray[np.uint8], background: tuple[int, int, int]) -> NDArray[np.float64]:
    """The definition of transparency: colour times alpha, and the rest background."""
    alpha = rgba[..., 3:] / 255
    return rgba[..., :3] * alpha + np.array(background) * (1 - alpha)


def difference(one: NDArray, other: NDArray) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(float) - other).max())


@pytest.mark.parametrize("picture_format", WRITABLE)
def test_every_format_comes_out_as_it_went_in(picture_format: str) -> None:
    pixels = smooth()
    options = {"lossless": True} if picture_format == "WEBP" else {}
    read = open_rgb(encode(pixels, picture_format, **options))
    assert read.dtype == np.uint8
    assert difference(read, pixels) <= (60 if picture_format in LOSSY else 0)
    assert np.abs(read.astype(float) - pixels).mean() < (8 if picture_format in LOSSY else 1e-9)


@pytest.mark.parametrize("as_what", [str, Path, Path.read_bytes, Image.open])
def test_a_file_its_content_and_a_pillow_picture_are_the_same(tmp_path: Path, as_what: type) -> None:
    file = tmp_path / "ein Bild, schön.png"
    file.write_bytes(encode(smooth(), "PNG"))
    assert (open_rgb(as_what(file)) == smooth()).all()


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("picture_format", ["JPEG", "PNG", "WEBP", "TIFF"])
    def test_as_pillow_turns_it(self, picture_format: str, orientation: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        content = encode(smooth(), picture_format, exif=exif)
        stored = Image.open(io.BytesIO(content))
        turned = stored if picture_format == "TIFF" else ImageOps.exif_transpose(stored)  # Pillow turns TIFF itself
        upright = open_rgb(content)
        assert (upright == np.asarray(turned.convert("RGB"))).all()
        assert upright.shape[:2] == ((60, 40) if orientation >= 5 else (40, 60))
        assert upright_size(identify(content)) == upright.shape[1::-1]

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_as_opencv_turns_it(self, orientation: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        content = encode(smooth(), "JPEG", exif=exif, quality=95)
        theirs = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert difference(open_rgb(content), theirs[..., ::-1]) <= 3

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_sixteen_bit_colour_turns_too(self, orientation: int) -> None:
        deep = smooth().astype(np.uint16) * 257
        content = cv2.imencode(".png", deep[..., ::-1])[1].tobytes()
        exif = Image.Exif()
        exif[0x0112] = orientation
        chunk = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
        at = 33  # after the signature and IHDR
        crc = cv2_crc(chunk)
        content = content[:at] + (len(chunk) - 4).to_bytes(4, "big") + chunk + crc + content[at:]
        eight = Image.fromarray(smooth())
        eight.getexif()[0x0112] = orientation
        assert (open_rgb(content) == np.asarray(ImageOps.exif_transpose(eight))).all()

    @pytest.mark.parametrize("value", [0, 9, 77])
    def test_nonsense_counts_as_upright(self, value: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = value
        assert (open_rgb(encode(smooth(), "PNG", exif=exif)) == smooth()).all()

    def test_broken_exif_costs_nothing(self) -> None:
        content = encode(smooth(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(20))
        assert (open_rgb(content) == open_rgb(encode(smooth(), "JPEG"))).all()


def cv2_crc(chunk: bytes) -> bytes:
    import zlib

    return zlib.crc32(chunk).to_bytes(4, "big")


class TestTransparency:
    @pytest.mark.parametrize("background", [(255, 255, 255), (0, 0, 0), GREEN])
    @pytest.mark.parametrize("picture_format", ["PNG", "TIFF", "WEBP"])
    def test_rgba(self, picture_format: str, background: tuple[int, int, int]) -> None:
        rgba = smooth(channels=4)
        options = {"lossless": True, "exact": True} if picture_format == "WEBP" else {}
        content = encode(rgba, picture_format, **options)
        assert difference(open_rgb(content, background=background), over(rgba, background)) <= 1

    def test_white_unless_said_otherwise(self) -> None:
        assert (open_rgb(encode(np.zeros((3, 4, 4), np.uint8), "PNG")) == 255).all()

    def test_grey_with_alpha(self) -> None:
        grey_alpha = smooth(channels=2)
        rgba = np.concatenate([np.repeat(grey_alpha[..., :1], 3, axis=-1), grey_alpha[..., 1:]], axis=-1)
        content = encode(Image.fromarray(grey_alpha), "PNG")
        assert identify(content).mode == "LA"
        assert difference(open_rgb(content, background=GREEN), over(rgba, GREEN)) <= 1

    def test_palette_with_a_transparent_colour(self) -> None:
        image = Image.new("P", (4, 2), 0)
        image.putpalette([200, 10, 20, 0, 0, 250])
        image.paste(1, (0, 0, 2, 2))
        for picture_format in ("PNG", "GIF"):
            read = open_rgb(encode(image, picture_format, transparency=0), background=GREEN)
            assert (read[:, :2] == (0, 0, 250)).all()
            assert (read[:, 2:] == GREEN).all()

    def test_palette_with_alpha_for_each_colour(self) -> None:
        image = Image.new("P", (2, 1), 0)
        image.putpalette([200, 100, 0, 0, 0, 250])
        image.putpixel((1, 0), 1)
        read = open_rgb(encode(image, "PNG", transparency=bytes([51, 255])))
        assert difference(read, np.array([[[244, 224, 204], [0, 0, 250]]])) <= 1

    @pytest.mark.parametrize("mode", ["RGB", "L"])
    def test_one_transparent_colour(self, mode: str) -> None:
        image = Image.new(mode, (4, 2), 0)
        image.paste(Image.new(mode, (2, 2), "white"))
        read = open_rgb(encode(image, "PNG", transparency=(0, 0, 0) if mode == "RGB" else 0), background=GREEN)
        assert (read[:, :2] == 255).all()
        assert (read[:, 2:] == GREEN).all()


class TestOtherModes:
    def test_grey(self) -> None:
        grey = smooth()[..., 0]
        assert (open_rgb(encode(grey, "PNG")) == grey[..., None]).all()

    def test_black_and_white(self) -> None:
        bits = smooth()[..., 0] > 127
        assert (open_rgb(encode(Image.fromarray(bits), "PNG")) == np.where(bits, 255, 0)[..., None]).all()

    def test_palette(self) -> None:
        image = Image.fromarray(smooth()).quantize(64)
        assert (open_rgb(encode(image, "PNG")) == np.asarray(image.convert("RGB"))).all()

    def test_ink(self) -> None:
        ink = smooth(channels=4)
        expected = (255 - ink[..., :3].astype(float)) * (255 - ink[..., 3:]) / 255
        content = encode(Image.fromarray(ink, "CMYK"), "TIFF")
        assert difference(open_rgb(content), expected) <= 1

    def test_ink_in_a_jpeg_is_as_opencv_sees_it(self) -> None:
        content = encode(Image.fromarray(smooth(channels=4), "CMYK"), "JPEG", quality=95)
        theirs = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert difference(open_rgb(content), theirs[..., ::-1]) <= 3

    @pytest.mark.parametrize("picture_format", ["GIF", "WEBP", "PNG"])
    def test_of_an_animation_the_first_frame(self, picture_format: str) -> None:
        frames = [Image.new("RGB", (30, 20), colour) for colour in ("red", "lime", "blue")]
        options = {"lossless": True} if picture_format == "WEBP" else {}
        content = encode(frames[0], picture_format, save_all=True, append_images=frames[1:], duration=50, **options)
        assert Image.open(io.BytesIO(content)).n_frames == 3
        assert (open_rgb(content) == (255, 0, 0)).all()


class TestSixteenBits:
    """Trap: Pillow clips 16-bit grey at 255, so a deep picture becomes a white one."""

    deep = np.linspace(0, 65535, 40 * 60).reshape(40, 60).astype(np.uint16)

    @pytest.mark.parametrize("extension", [".png", ".tiff", ".pgm"])
    def test_grey_is_scaled_not_clipped(self, extension: str) -> None:
        content = cv2.imencode(extension, self.deep)[1].tobytes()
        read = open_rgb(content)
        assert difference(read, np.repeat(self.deep[..., None] / 257, 3, axis=-1)) <= 0.5 + 1e-9
        assert len(np.unique(read)) == 256

    def test_either_byte_order(self) -> None:
        little, big = (
            open_rgb(encode(Image.frombytes(mode, (60, 40), self.deep.astype(order).tobytes()), "TIFF"))
            for mode, order in (("I;16", "<u2"), ("I;16B", ">u2"))
        )
        assert (little == big).all()
        assert difference(little[..., 0], self.deep / 257) <= 0.5 + 1e-9

    @pytest.mark.parametrize("extension", [".png", ".tiff"])
    def test_colour_is_scaled_and_rounded(self, extension: str) -> None:
        deep = np.random.default_rng(0).integers(0, 65536, (40, 60, 3), dtype=np.uint16)
        content = cv2.imencode(extension, deep[..., ::-1])[1].tobytes()
        assert difference(open_rgb(content), deep / 257) <= 0.5 + 1e-9

    def test_colour_with_alpha(self) -> None:
        deep = smooth(channels=4).astype(np.uint16) * 257
        content = cv2.imencode(".png", deep[..., [2, 1, 0, 3]])[1].tobytes()
        assert difference(open_rgb(content, background=GREEN), over(smooth(channels=4), GREEN)) <= 1

    def test_twelve_bits_in_a_tiff(self) -> None:
        # Four samples of 12 bits: 0, 4095, 2048, 1024. The file is written by hand, as no writer here makes them.
        packed = bytes.fromhex("000fff800400")
        entries = [(256, 3, 4), (257, 3, 1), (258, 3, 12), (259, 3, 1), (262, 3, 1), (273, 4, 8)]
        entries += [(277, 3, 1), (278, 3, 1), (279, 4, len(packed))]
        directory = len(entries).to_bytes(2, "little")
        for tag, kind, value in entries:
            directory += tag.to_bytes(2, "little") + kind.to_bytes(2, "little") + (1).to_bytes(4, "little")
            directory += value.to_bytes(4, "little")
        content = b"II*\0" + (8 + len(packed)).to_bytes(4, "little") + packed + directory + bytes(4)
        assert difference(open_rgb(content)[0, :, 0], np.array([0, 4095, 2048, 1024]) / 4095 * 255) <= 0.5 + 1e-9

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            (np.float32([[0, 0.5, 1.0]]), [0, 128, 255]),
            (np.float32([[0, 128, 255]]), [0, 128, 255]),
            (np.float32([[0, 32896, 65535]]), [0, 128, 255]),
            (np.float32([[-40, 0, 40]]), [0, 128, 255]),
            (np.int32([[0, 128, 255]]), [0, 128, 255]),
            (np.int32([[0, 32896, 65535]]), [0, 128, 255]),
        ],
    )
    def test_wide_samples(self, values: NDArray, expected: list[int]) -> None:
        assert difference(open_rgb(encode(values, "TIFF"))[0, :, 0], np.array(expected)) <= 1


class TestArrays:
    def test_shapes(self) -> None:
        grey = smooth()[..., 0]
        assert (open_rgb(grey) == grey[..., None]).all()
        assert (open_rgb(grey[..., None]) == grey[..., None]).all()
        assert (open_rgb(smooth()) == smooth()).all()
        assert difference(open_rgb(smooth(channels=4), background=GREEN), over(smooth(channels=4), GREEN)) <= 1

    def test_the_result_is_new(self) -> None:
        pixels = smooth()
        open_rgb(pixels)[:] = 0
        assert (pixels == smooth()).all()

    def test_types(self) -> None:
        expected = smooth()
        assert (open_rgb(expected.astype(np.uint16) * 257) == expected).all()
        assert (open_rgb(expected / 255) == expected).all()
        assert (open_rgb((expected / 255).astype(np.float32)) == expected).all()
        assert (open_rgb(expected > 127) == np.where(expected > 127, 255, 0)).all()

    @pytest.mark.parametrize(
        ("array", "word"),
        [
            (np.zeros((3, 40, 60), np.uint8), r"\(3, 40, 60\)"),
            (np.zeros((40, 60, 2), np.uint8), r"\(40, 60, 2\)"),
            (np.zeros((0, 60, 3), np.uint8), r"\(0, 60, 3\)"),
            (np.full((4, 4), 200.0), "divide by 255"),
            (np.full((4, 4), np.nan), r"\[0, 1\]"),
            (np.zeros((4, 4), np.int64), "int64"),
        ],
    )
    def test_what_is_no_picture_is_refused(self, array: NDArray, word: str) -> None:
        with pytest.raises(UnreadableImage, match=word):
            open_rgb(array)


@pytest.mark.parametrize(
    ("name", "picture_format", "fits"),
    [
        ("a.JPG", "JPEG", True),
        ("a.jpeg", "MPO", True),
        ("a.jpg", "PNG", False),
        ("a.png", "WEBP", False),
        ("a.tif", "TIFF", True),
        ("a", "PNG", True),
        ("a.scan1", "PNG", True),
    ],
)
def test_extensions(name: str, picture_format: str, fits: bool) -> None:
    assert extension_fits(Path(name), picture_format) is fits
