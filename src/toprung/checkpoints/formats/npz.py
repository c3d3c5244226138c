"""npz files, as JAX projects publish: NumPy arrays in a zip archive, read without pickle."""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from toprung.checkpoints.formats.showing import shown
from toprung.checkpoints.formats.tensors import State
from toprung.checkpoints.formats.wrappers import to_tensor, without_prefixes
from toprung.errors import WeightsError

EXPANSION = 16  # compressed arrays may take this many times the file's size
_BFLOAT16 = np.dtype("V2")  # how NumPy stores JAX's bfloat16, which it does not know
_PREFIXES = ("opt/target/", "params/")
_TRAINING = ("opt/state/", "opt_state/", "optimizer/", "opt/")


def is_npz(entries: Sequence[zipfile.ZipInfo]) -> bool:
    """Say whether the parts of a zip archive are NumPy arrays."""
    return bool(entries) and all(entry.filename.endswith(".npy") for entry in entries)


def read_npz(file: Path, entries: Sequence[zipfile.ZipInfo]) -> tuple[State, tuple[str, ...]]:
    """Return the arrays of numbers by name, without the prefixes of whole training states, and those prefixes.

    Raises:
        WeightsError: damaged, or an array of Python objects, which would need unpickling.
    """
    tensors: State = {}
    names = [entry.filename.removesuffix(".npy") for entry in entries]
    wanted = _of_the_model(names)
    with zipfile.ZipFile(file) as archive:
        for entry, name in zip(entries, names, strict=True):
            if name in tensors:
                raise WeightsError(f"{file} holds two arrays that are both named '{shown(name)}'; it is not read.")
            if name in wanted and (tensor := _read(file, archive, entry)) is not None:
                tensors[name] = tensor
    return without_prefixes(tensors, _PREFIXES)


def _of_the_model(names: list[str]) -> set[str]:
    """Leave out the optimizer's arrays where the model's are marked as such."""
    marked = {name for name in names if name.startswith(_PREFIXES)}
    rest = {name for name in names if not name.startswith((*_PREFIXES, *_TRAINING))}
    return (marked | rest) if marked else {name for name in names if not name.startswith(_TRAINING[0])}


def _read(file: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Tensor | None:
    place = f"'{shown(entry.filename)}'"
    try:
        with archive.open(entry) as opened, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a file of Python 2 is slow to read
            shape, dtype = _header(opened)
            rest = entry.file_size - opened.tell()
        if dtype.hasobject:
            raise WeightsError(
                f"{file} holds pickled objects in {place}; rebuilding them would run code, which toprung never does: "
                "ask its authors for plain arrays."
            )
        if any(length < 0 for length in shape):
            raise WeightsError(f"{file} is damaged: {place} has a shape of {shape}; fetch it again.")
        wanted = math.prod(shape) * dtype.itemsize
        if wanted > rest:
            raise WeightsError(
                f"{file} is damaged: {place} promises {wanted:,} bytes and the file holds {rest:,} of it; "
                "fetch it again."
            )
        if dtype != _BFLOAT16 and dtype.kind not in "fiubc":
            return None
        with archive.open(entry) as opened, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array = np.lib.format.read_array(opened, allow_pickle=False)
        return _bfloat16(array) if dtype == _BFLOAT16 else to_tensor(array)
    except WeightsError:
        raise
    except Exception as error:  # a damaged file makes zipfile, zlib and NumPy raise almost anything
        raise WeightsError(f"{file} is a damaged npz file in its part {place}; fetch it again.") from error


def _header(opened: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(opened)
    # Version 3 has the header of version 2 in another encoding, for names of fields, which no weights have.
    reader: Any = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = reader(opened)
    return shape, dtype


def _bfloat16(array: np.ndarray[Any, Any]) -> Tensor:
    whole = np.ascontiguousarray(array).view(np.int16)
    return torch.from_numpy(whole).view(torch.bfloat16).reshape(array.shape)
