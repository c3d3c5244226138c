import hashlib
import io
import threading
import warnings
from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.data.make_pictures import make_classes, picture, save
from toprung.data import scan as module
from toprung.data.looks import look_at
from toprung.data.scan import PictureFacts, inspect, scan
from toprung.data.table import Table


def table_of(*paths: Path) -> Table:
    return Table(tuple(paths), np.zeros(len(paths), np.int64), ("a",), ("",) * len(paths))


def jpeg(width: int, height: int, **options: object) -> bytes:
    file = io.BytesIO()
    picture(1, width, height).save(file, "JPEG", **options)
    return file.getvalue()


def test_the_facts_of_a_picture(tmp_path: Path) -> None:
    file = save(tmp_path / "ü 1.jpg")
    facts = inspect(file)
    content = file.read_bytes()
    assert facts.hash == hashlib.blake2b(content, digest_size=16).hexdigest()
    assert (facts.path, facts.reason, facts.format, facts.mode) == (file, None, "JPEG", "RGB")
    assert (facts.width, facts.height, facts.wrong_extension) == (48, 36, False)
    assert facts.look is not None
    assert facts.look.hash == int(str(imagehash.phash(Image.open(file))), 16)


def test_sizes_are_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(0, 50, 30).save(tmp_path / "a.jpg", exif=exif)
    assert (inspect(tmp_path / "a.jpg").width, inspect(tmp_path / "a.jpg").height) == (30, 50)


def test_a_look_is_that_of_the_upright_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(0, 60, 40).save(tmp_path / "turned.png", exif=exif)
    ImageOps.exif_transpose(Image.open(tmp_path / "turned.png")).save(tmp_path / "upright.png")
    assert (
        inspect(tmp_path / "turned.png").look
        == inspect(tmp_path / "upright.png").look
        != inspect(save(tmp_path / "b.png")).look
    )


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_large_jpeg_that_is_cut_off_is_found(tmp_path: Path, share: float, progressive: bool) -> None:
    """The scan decodes large JPEGs at a fraction of their size, which must not hide that their end is missing."""
    content = jpeg(2100, 1400, progressive=progressive)
    (tmp_path / "whole.jpg").write_bytes(content)
    (tmp_path / "cut.jpg").write_bytes(content[: int(share * len(content))])
    assert inspect(tmp_path / "whole.jpg").reason is None
    assert inspect(tmp_path / "whole.jpg").width == 2100
    assert "cut off" in (inspect(tmp_path / "cut.jpg").reason or "")


def test_a_reduced_decode_looks_the_same(tmp_path: Path) -> None:
    (tmp_path / "large.jpg").write_bytes(jpeg(2100, 1400, quality=95))
    full = look_at(np.asarray(Image.open(tmp_path / "large.jpg")))
    quick = inspect(tmp_path / "large.jpg").look
    assert full is not None
    assert quick is not None
    assert (full.hash ^ quick.hash).bit_count() <= 2


def test_each_kind_of_bad_file_has_its_reason(tmp_path: Path) -> None:
    bad = {
        "empty.png": (b"", "empty"),
        "page.jpg": (b"<html>404</html>", "HTML"),
        "pointer.png": (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        "cut.jpg": (jpeg(300, 200)[:3000], "cut off"),
        "zeros.png": (bytes(1000), "all zero"),
    }
    for name, (content, _) in bad.items():
        (tmp_path / name).write_bytes(content)
    facts = scan(table_of(*(tmp_path / name for name in bad), tmp_path / "none.png"))
    for one, (_, word) in zip(facts, [*bad.values(), (b"", "no such file")], strict=True):
        assert word in (one.reason or "")
        assert one.look is None
    assert facts[-1] == PictureFacts(tmp_path / "none.png", reason="there is no such file")


def test_a_wrong_extension_is_told_and_does_no_harm(tmp_path: Path) -> None:
    picture(0).save(tmp_path / "a.jpg", "PNG")
    facts = inspect(tmp_path / "a.jpg")
    assert (facts.reason, facts.wrong_extension, facts.format) == (None, True, "PNG")


@pytest.mark.parametrize("colour", ["white", "black", (250, 250, 250), "red"])
def test_a_flat_picture_has_no_look(tmp_path: Path, colour: str) -> None:
    """The hash of a blank page is that of every other blank page, and of black frames too."""
    Image.new("RGB", (80, 60), colour).save(tmp_path / "a.jpg")
    facts = inspect(tmp_path / "a.jpg")
    assert facts.reason is None
    assert facts.look is None


def test_transparency_is_seen_on_white(tmp_path: Path) -> None:
    shape = picture(0).convert("L").point(lambda level: 255 if level > 128 else 0)
    drawing = Image.new("RGBA", shape.size, (0, 0, 0, 255))
    drawing.putalpha(shape)
    drawing.save(tmp_path / "clear.png")
    white = Image.new("RGB", shape.size, "white")
    white.paste(drawing, mask=shape)
    white.save(tmp_path / "white.png")
    assert inspect(tmp_path / "clear.png").look == inspect(tmp_path / "white.png").look is not None


@pytest.mark.parametrize("threads", [1, 3, None])
def test_facts_stand_row_by_row_and_progress_ends_at_the_total(tmp_path: Path, threads: int | None) -> None:
    make_classes(tmp_path, {"a": 70, "b": 60})
    paths = sorted(tmp_path.rglob("*.png"), reverse=True)
    told: list[tuple[int, int]] = []
    facts = scan(table_of(*paths), threads=threads, progress=lambda done, total: told.append((done, total)))
    assert [one.path for one in facts] == paths
    assert told == sorted(told)
    assert told[-1] == (130, 130)
    assert facts == [inspect(path) for path in paths]


def test_ctrl_c_stops_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_classes(tmp_path, {"a": 200})
    opened: list[Path] = []

    def slow(path: Path) -> PictureFacts:
        opened.append(path)
        threading.Event().wait(0.005)
        return PictureFacts(path)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "inspect", slow)
    with pytest.raises(KeyboardInterrupt):
        scan(table_of(*tmp_path.rglob("*.png")), threads=2, progress=stop)
    assert len(opened) < 30
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("scan")]


def test_decoders_do_not_chatter(tmp_path: Path) -> None:
    picture(0).save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(20))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scan(table_of(tmp_path / "a.jpg"))[0].reason is None


def test_nothing_to_scan() -> None:
    assert scan(Table((), np.zeros(0, np.int64), ("a",), ())) == []
