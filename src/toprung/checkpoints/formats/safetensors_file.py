"""Safetensors: a length, a JSON header, and the tensors' bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from toprung.checkpoints.formats.showing import shown
from toprung.checkpoints.formats.tensors import State
from toprung.errors import WeightsError

_LONGEST_HEADER = 100_000_000  # bytes; the format's own limit
_LONGEST_EXPLAINED = 1 << 23  # bytes of a damaged header that are looked at to say what is wrong
_AGAIN = "fetch it again."


def read_safetensors(file: Path) -> tuple[State, dict[str, str]]:
    """Return the tensors, memory-mapped, and the strings of ``__metadata__``.

    Raises:
        WeightsError: cut off, or a header that is damaged or lies.
    """
    from safetensors import safe_open

    length = _header_length(file)
    try:
        with safe_open(file, framework="pt", device="cpu") as opened:
            names = opened.keys()
            tensors = {name: opened.get_tensor(name) for name in names}
            return tensors, {str(key): str(value) for key, value in (opened.metadata() or {}).items()}
    except PermissionError:
        raise
    except Exception as error:  # its own error, and whatever torch says of an impossible tensor
        words = shown(" ".join(str(error).split()))
        raise WeightsError(f"{file} {_failing(file, length, words)}") from error


def _header_length(file: Path) -> int:
    size = file.stat().st_size
    with file.open("rb") as opened:
        start = opened.read(9)
    length = int.from_bytes(start[:8], "little")
    if size < 10 or (start[8:9] == b"{" and _LONGEST_HEADER >= length > size - 8):
        raise WeightsError(
            f"{file} is cut off and not a whole safetensors file: its header should take {length:,} bytes, the file "
            f"holds {size:,}; {_AGAIN}"
        )
    if start[8:9] != b"{" or length > _LONGEST_HEADER:
        raise WeightsError(f"{file} is not a whole safetensors file: it does not begin with a header; {_AGAIN}")
    return length


def _failing(file: Path, length: int, words: str) -> str:
    """Say what is wrong with a file that the library refused."""
    size = file.stat().st_size
    try:
        header = _header(file, length)
    except (ValueError, RecursionError):
        return f"has a damaged header and is not a whole safetensors file ({words}); {_AGAIN}"
    ends = [entry["data_offsets"][1] for entry in header.values() if _is_tensor(entry)]
    wanted = 8 + length + max(ends, default=0)
    if wanted > size:
        return (
            f"is cut off and not a whole safetensors file: the header says {wanted:,} bytes, the file holds {size:,}; "
            f"{_AGAIN}"
        )
    return f"has a damaged header and is not a whole safetensors file ({words}); {_AGAIN}"


def _header(file: Path, length: int) -> dict[str, Any]:
    if length > _LONGEST_EXPLAINED:
        return {}
    with file.open("rb") as opened:
        opened.seek(8)
        header = json.loads(opened.read(length))
    return header if isinstance(header, dict) else {}


def _is_tensor(entry: object) -> bool:
    span = entry.get("data_offsets") if isinstance(entry, dict) else None
    return isinstance(span, list) and len(span) == 2 and all(isinstance(part, int) for part in span)
