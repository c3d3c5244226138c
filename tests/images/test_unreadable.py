import random
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.images.make_content import WRITABLE, encode, smooth
from toprung.errors import UnreadableImage
from toprung.images.files import open_rgb

CONTENTS = {name: encode(smooth(), name) for name in WRITABLE}


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.98])
@pytest.mark.parametrize("picture_format", WRITABLE)
def test_a_cut_file_is_never_a_picture(picture_format: str, share: float) -> None:
    """Trap: many loaders turn the missing part grey or black, or the whole file into a black picture."""
    content = CONTENTS[picture_format]
    with pytest.raises(UnreadableImage, match="cannot read the picture: "):
        open_rgb(content[: int(len(content) * share)])


def test_a_cut_sixteen_bit_file_is_never_a_picture() -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (40, 60), dtype=np.uint16)
    content = encode(Image.fromarray(deep), "PNG")
    with pytest.raises(UnreadableImage, match="cut off"):
        open_rgb(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (bytes(5000), "all zero"),
        (b"<!DOCTYPE html>\n<html><body>404</body>", "HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        (b'{"error": "not found"}', "JSON"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"%PDF-1.7", "PDF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\xff\x0a" + bytes(9), "JPEG XL"),
        (b"PK\x03\x04" + bytes(20), "ZIP"),
        ("Grüße".encode(), "text"),
        (b"\xff\xd8\xff", "JPEG header"),
        (b"\x9c\x11\x00\xfe" * 50, "no picture format"),
    ],
)
def test_the_reason_says_what_the_file_is(tmp_path: Path, content: bytes, word: str) -> None:
    file = tmp_path / "cat.jpg"
    file.write_bytes(content)
    with pytest.raises(UnreadableImage, match=word) as caught:
        open_rgb(file)
    assert str(file) in str(caught.value)


def test_what_is_no_file(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.jpg")
    for path, word in ((tmp_path / "none.jpg", "no such file"), (tmp_path, "folder"), (tmp_path / "pipe.jpg", "pipe")):
        with pytest.raises(UnreadableImage, match=re.escape(str(path))) as caught:
            open_rgb(path)
        assert word in str(caught.value)


def test_too_many_pixels_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(UnreadableImage, match="million pixels"):
        open_rgb(encode(smooth(), "PNG"))


@given(
    picture_format=st.sampled_from(WRITABLE), seed=st.integers(0, 2**32), count=st.integers(1, 30), cut=st.booleans()
)
def test_damage_gives_a_picture_or_a_reason(picture_format: str, seed: int, count: int, cut: bool) -> None:
    """No decoder's error ever reaches the user as it is."""
    generator = random.Random(seed)
    content = bytearray(CONTENTS[picture_format])
    for _ in range(count):
        content[generator.randrange(len(content))] = generator.randrange(256)
    if cut:
        del content[generator.randrange(len(content)) :]
    try:
        read = open_rgb(bytes(content))
    except UnreadableImage:
        return
    assert read.ndim == 3
    assert read.shape[2] == 3
    assert read.dtype == np.uint8
