import bz2
import gzip
import io
import lzma
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.checkpoints.formats.helpers import STATE, refused


def tar() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.pth"), io.BytesIO())
    return content.getvalue()


def picture(kind: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (4, 4)).save(content, kind)
    return content.getvalue()


def zipped(**parts: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return content.getvalue()


def numpy_file() -> bytes:
    content = io.BytesIO()
    np.save(content, np.ones(3))
    return content.getvalue()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".npz", ".bin", ""])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n <!DOCTYPE html><title>404</title>", "web page"),
        (b"\xef\xbb\xbf<html lang=en>", "web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 42\n", "git lfs pull"),
        (b'{"error":"Entry not found"}', "JSON text"),
        (b'[{"error": "no"}]', "JSON text"),
        (b"Repository not found", "plain text ('Repository not found')"),
        (b"Entry not found\nmore", "plain text ('Entry not found')"),
        (b"\x00" * 4096, "fetch it again"),
        (b"PK\x03\x04" + b"\x00" * 4096, "its directory, which stands at the end, is missing"),
        (b"PK\x05\x06" + b"\x00" * 18, "empty or damaged zip"),
        (gzip.compress(b"x" * 50), "a gzip archive; unpack it first"),
        (bz2.compress(b"x" * 50), "a bzip2 archive; unpack it first"),
        (lzma.compress(b"x" * 50), "an xz archive; unpack it first"),
        (b"\x28\xb5\x2f\xfd" + b"\x01" * 50, "a zstd archive; unpack it first"),
        (b"7z\xbc\xaf\x27\x1c" + b"\x00" * 50, "a 7z archive; unpack it first"),
        (b"Rar!\x1a\x07\x00" + b"\x00" * 50, "a rar archive; unpack it first"),
        (tar(), "a tar archive; unpack it first"),
        (zipped(**{"model.h5": b"x", "config.json": b"{}"}), "it holds model.h5, config.json"),
        (b"\x89HDF\r\n\x1a\n" + b"\x00" * 50, "HDF5"),
        (b"GGUF\x03\x00\x00\x00" + b"\x00" * 50, "GGUF"),
        (b"\x08\x07\x12\x07pytorch\x1a\x052.0.0:\xff\x01", "an ONNX model"),
        (b"\x00\x10" * 20 + (0xDB4775248B80FB57).to_bytes(8, "little"), "index of a TensorFlow checkpoint"),
        (picture("PNG"), "PNG picture"),
        (picture("JPEG"), "JPEG picture"),
        (numpy_file(), "a single NumPy array"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # archives hold the time, and names must not change
)
def test_what_is_no_weights_file_is_told_apart(tmp_path: Path, suffix: str, content: bytes, said: str) -> None:
    file = tmp_path / f"weights{suffix}"
    file.write_bytes(content)
    assert said in refused(file)


@pytest.mark.parametrize(
    ("suffix", "said"),
    [(".msgpack", "Flax msgpack"), (".h5", "Keras"), (".onnx", "ONNX"), (".data-00000-of-00001", "TensorFlow")],
)
def test_the_suffix_tells_what_bytes_do_not(tmp_path: Path, suffix: str, said: str) -> None:
    file = tmp_path / f"weights{suffix}"
    file.write_bytes(b"\x81\xa6params\x81\xa1w\xc7\x10\x01\x00\x00" + bytes(64))
    assert said in refused(file)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"w": np.zeros(3)}, "is a Python pickle and no torch file"),
        ([1, 2], "is a Python pickle and no torch file"),
        (Path("/x"), "is a Python pickle and no torch file"),
        (torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
        ({"__class__": pickle.Pickler}, "pickle.Pickler"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 5])
def test_pickles_of_other_programs(tmp_path: Path, content: Any, said: str, protocol: int) -> None:
    file = tmp_path / "weights.pkl"
    file.write_bytes(pickle.dumps(content, protocol=protocol) + b"\x00" * 20)
    message = refused(file)
    assert said in message or "numpy" in message


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("archive", [True, False])
def test_cut_files_say_so(tmp_path: Path, share: float, archive: bool) -> None:
    file = tmp_path / "weights.pth"
    torch.save(STATE, file, _use_new_zipfile_serialization=archive)
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    assert "cut off or damaged" in refused(file) or "cut-off or damaged" in refused(file)


def test_devices_and_pipes_are_no_files(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.pth")
    assert "there is no weights file" in refused(tmp_path / "pipe.pth")
    assert "there is no weights file" in refused(Path("/dev/zero"))
