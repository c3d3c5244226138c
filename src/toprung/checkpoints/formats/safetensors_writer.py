"""Write a safetensors file tensor by tensor, so that the model never stands in memory."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from toprung.errors import WeightsError

ALIGNMENT = 64  # where the data begin; the header is padded with spaces, as the format allows
_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


@dataclass(frozen=True)
class Entry:
    """What a tensor will be.

    Attributes:
        dtype: of its numbers.
        shape: of its axes; () for a single number.
    """

    dtype: torch.dtype
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """How much room it takes."""
        return math.prod(self.shape) * self.dtype.itemsize


def order_of(entries: Mapping[str, Entry]) -> list[str]:
    """Return the names in the order of the file: wide numbers first, so that each lies at a multiple of its width."""
    return sorted(entries, key=lambda name: -entries[name].dtype.itemsize)


@contextmanager
def writing(file: Path, entries: Mapping[str, Entry]) -> Iterator[SafetensorsWriter]:
    """Write the header, and give a writer that takes the numbers of each tensor, in the order of :func:`order_of`.

    Raises:
        WeightsError: a kind of number that the format or toprung does not know.
        ValueError: fewer or more numbers were written than the header says.
    """
    with file.open("wb") as opened:
        header = _header(file, entries)
        opened.write(header)
        writer = SafetensorsWriter(opened)
        yield writer
        if opened.tell() != len(header) + sum(entry.bytes for entry in entries.values()):
            raise ValueError(f"{file} got other tensors than its header says")


class SafetensorsWriter:
    """Takes numbers, whole tensors or parts of them, one behind the other."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, part: Tensor) -> None:
        """Append the numbers of a tensor on the CPU."""
        if part.numel():
            self._file.write(part.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data)


def _header(file: Path, entries: Mapping[str, Entry]) -> bytes:
    table: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name in order_of(entries):
        entry = entries[name]
        if entry.dtype not in _NAMES:
            raise WeightsError(f"{file} cannot hold {name}, whose numbers are {entry.dtype}; convert them first.")
        table[name] = {
            "dtype": _NAMES[entry.dtype],
            "shape": list(entry.shape),
            "data_offsets": [offset, offset + entry.bytes],
        }
        offset += entry.bytes
    text = json.dumps(table, separators=(",", ":")).encode("utf-8")
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    return len(text).to_bytes(8, "little") + text
