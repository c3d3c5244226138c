"""Tell by its first bytes what a file is, and refuse what holds no weights with one clear sentence."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Literal

from toprung.checkpoints.formats.showing import shown
from toprung.errors import WeightsError

Kind = Literal["safetensors", "zip", "pickle"]

_HEAD = 512
_TAIL = 8
_PACKED = {
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a rar archive",
    b"\x04\x22\x4d\x18": "an lz4 archive",
}
_OTHERS = {
    b"\x89HDF\r\n\x1a\n": "an HDF5 file, as Keras and TensorFlow write",
    b"GGUF": "a GGUF file for language models",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"RIFF": "a RIFF file (a picture or sound)",
    b"%PDF": "a PDF document",
    b"\x93NUMPY": "a single NumPy array without a name",
    b"\x7fELF": "a program",
    b"MZ": "a program",
}
_SUFFIXES = {
    ".msgpack": "a Flax msgpack file",
    ".h5": "a Keras file",
    ".keras": "a Keras file",
    ".onnx": "an ONNX model",
    ".gguf": "a GGUF file for language models",
    ".tflite": "a TensorFlow Lite model",
    ".pb": "a TensorFlow graph",
    ".index": "the index of a TensorFlow checkpoint",
    ".meta": "the graph of a TensorFlow checkpoint",
    ".data-00000-of-00001": "the data of a TensorFlow checkpoint",
    ".caffemodel": "a Caffe model",
    ".engine": "a TensorRT engine",
    ".joblib": "a joblib pickle, whose rebuilding would run code",
}
_PICKLE = b"\x80\x02\x8a"  # the first bytes of torch before 1.6
_TABLE_END = (0xDB4775248B80FB57).to_bytes(8, "little")  # of LevelDB's tables: TensorFlow's checkpoint index
_REMEDY = "toprung reads safetensors, torch files and npz; convert it, or fetch the weights as one of these."
_AGAIN = "fetch it again."


def kind_of(file: Path) -> Kind:
    """Return how a file must be read.

    Raises:
        WeightsError: no such file, empty, or known not to be weights.
        PermissionError: no right to read it.
    """
    if not file.is_file():
        raise WeightsError(f"there is no weights file {file}; give the path of a file, a model folder, or a run.")
    with file.open("rb") as opened:
        head = opened.read(_HEAD)
        opened.seek(max(0, file.stat().st_size - _TAIL))
        tail = opened.read(_TAIL)
    if not head:
        raise WeightsError(f"{file} is empty (0 bytes): the download or copy did not finish; {_AGAIN}")
    if head.startswith(b"PK\x03\x04"):
        return "zip"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 40:
        return "safetensors"
    _refuse_text(file, head)
    _refuse_known(file, head, tail)
    named = file.suffix == ".safetensors" and not head.startswith(_PICKLE)
    return "safetensors" if named else "pickle"


def _refuse_text(file: Path, head: bytes) -> None:
    start = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<error")):
        raise WeightsError(f"{file} is a web page, not weights: the download got an error page; {_AGAIN}")
    if start.startswith(b"version https://git-lfs"):
        raise WeightsError(f"{file} is a Git-LFS pointer, not the weights; run `git lfs pull` beside it.")
    if not _is_text(head):
        return
    if start.startswith((b"{", b"[")):
        raise WeightsError(f"{file} is JSON text, not weights: perhaps a server's error message; {_AGAIN}")
    words = shown(head[:40].decode("utf-8", "replace").strip().split("\n")[0].strip())
    raise WeightsError(f"{file} is plain text ('{words}'), not weights; {_AGAIN}")


def _refuse_known(file: Path, head: bytes, tail: bytes) -> None:
    for start, what in _PACKED.items():
        if head.startswith(start):
            raise WeightsError(f"{file} is {what}; unpack it first and give the file inside.")
    if head[257:262] == b"ustar":
        raise WeightsError(f"{file} is a tar archive; unpack it first and give the file inside.")
    if head.startswith(b"PK"):
        raise WeightsError(f"{file} is an empty or damaged zip archive; {_AGAIN}")
    for start, what in _OTHERS.items():
        if head.startswith(start):
            raise WeightsError(f"{file} is {what}; {_REMEDY}")
    if tail == _TABLE_END:
        raise WeightsError(f"{file} is {_SUFFIXES['.index']}; {_REMEDY}")
    if _is_onnx(head):
        raise WeightsError(f"{file} is an ONNX model; {_REMEDY}")
    if file.suffix in _SUFFIXES:
        raise WeightsError(f"{file} is {_SUFFIXES[file.suffix]}; {_REMEDY}")


def _is_onnx(head: bytes) -> bool:
    """Say whether the file is a protobuf message that begins with a small version and goes on as ONNX's do."""
    return head[0] == 8 and len(head) > 4 and head[1] < 32 and head[2] in b"\x12\x1a\x3a\x42"


def _is_text(head: bytes) -> bool:
    """Say whether the bytes are UTF-8 or Latin letters without control characters."""
    if not all(byte in b"\t\n\r\f\x1b" or byte >= 32 for byte in head):
        return False
    letters = sum(32 <= byte < 127 or byte in b"\t\n\r" for byte in head)
    return letters > 0.9 * len(head)
