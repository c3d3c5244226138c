"""TorchScript archives: the tensors of a saved program, without the program.

``data.pkl`` describes a tree of objects whose classes (``__torch__...``) are compiled code. Here they become inert
holders; the only functions that are called make tensors over the mapped file. The attributes' path is the name that
``state_dict`` gives; the text of the code, which is not run, tells parameters and buffers from other tensors.
"""

from __future__ import annotations

import io
import pickle
import re
import zipfile
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from toprung.checkpoints.formats.archive import is_stored, read_entry, span
from toprung.checkpoints.formats.pickles import BadPickle, scan_pickle
from toprung.checkpoints.formats.plain import plain_entries
from toprung.checkpoints.formats.showing import shown
from toprung.checkpoints.formats.tensors import State
from toprung.errors import WeightsError

_LARGEST_PICKLE = 1 << 28
_LARGEST_CODE = 1 << 24
_DEEPEST = 64
_MOST_TENSORS = 200_000
_CLASS = re.compile(
    r"^class (\w+)\(Module\):\n  __parameters__ = \[(.*)\]\n(?:  __buffers__ = \[(.*)\]\n)?", re.MULTILINE
)
_QUOTED = re.compile(r'"([^"]*)"')
_STORAGES = {
    "FloatStorage": torch.float32, "HalfStorage": torch.float16, "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64, "LongStorage": torch.int64, "IntStorage": torch.int32, "ShortStorage": torch.int16,
    "CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64, "ComplexDoubleStorage": torch.complex128,
}  # fmt: skip


def is_torchscript(entries: Sequence[zipfile.ZipInfo]) -> bool:
    """Say whether these are the parts of a TorchScript program."""
    names = {entry.filename.partition("/")[2] for entry in entries}
    return "constants.pkl" in names and "data.pkl" in names


def read_torchscript(file: Path, entries: Sequence[zipfile.ZipInfo]) -> tuple[State, dict[str, Any]]:
    """Return parameters and buffers by the names of ``state_dict``, and plain attributes of the outermost module.

    Raises:
        WeightsError: damaged, or an object that no TorchScript archive holds.
    """
    data = next(entry for entry in entries if entry.filename.partition("/")[2] == "data.pkl")
    root = data.filename.partition("/")[0]
    records = {entry.filename.removeprefix(f"{root}/data/"): entry for entry in entries}
    if data.file_size > _LARGEST_PICKLE:
        raise WeightsError(f"{file} declares {data.file_size:,} bytes of Python objects; it is not read.")
    content = read_entry(file, data)
    try:
        scan_pickle(io.BytesIO(content))
        top = _Reader(content, file, records).load()
    except WeightsError:
        raise
    except (BadPickle, Exception) as error:  # a damaged pickle can raise almost anything
        raise WeightsError(f"{file} is a damaged TorchScript archive; fetch it again.") from error
    if not isinstance(top, Holder):
        raise WeightsError(f"{file} is a TorchScript archive that holds no module.")
    collector = _Collector(file, _registered(file, entries, root))
    collector.collect(top)
    plain = plain_entries(top.state)
    return collector.tensors, {
        key: value for key, value in plain.items() if key != "training" and not key.startswith("_")
    }


class Holder:
    """Stands for an object of a compiled class; its state is kept and nothing is run."""

    __slots__ = ("kind", "state")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.state: Mapping[str, Any] = {}

    def __setstate__(self, state: object) -> None:
        table = state if isinstance(state, dict) else {}
        self.state = {key: value for key, value in table.items() if isinstance(key, str)}


class _Quantised:
    """Stands for a tensor that is no plain array; refused only where the model needs it."""


class _Reader(pickle.Unpickler):
    """An unpickler that knows a few functions and no others.

    They are methods of this object: a pickle can set attributes of what it was given, and a method has none to set.
    """

    def __init__(self, content: bytes, file: Path, records: Mapping[str, zipfile.ZipInfo]) -> None:
        super().__init__(io.BytesIO(content))
        self._file, self._records = file, records
        self._mapped = torch.UntypedStorage.from_file(str(file), shared=False, nbytes=file.stat().st_size)
        self._stored: dict[str, torch.UntypedStorage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module == "__torch__" or module.startswith("__torch__."):
            return type("Holder", (Holder,), {"__slots__": (), "__new__": _maker(f"{module}.{name}")})
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_tensor"):
            return self._tensor
        if module == "torch._utils" and name in ("_rebuild_qtensor", "_rebuild_sparse_tensor"):
            return self._quantised
        if module == "torch.jit._pickle":
            return self._first
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch" and (name.endswith("Storage") or name in ("device", "per_tensor_affine")):
            return self._nothing if name == "device" else name
        raise WeightsError(
            f"{self._file} holds an object of {shown(f'{module}.{name}')}; rebuilding it would run code, which toprung "
            "never does: ask its authors for a plain state dict or a .safetensors file."
        )

    def persistent_load(self, pid: Any) -> tuple[torch.UntypedStorage, torch.dtype]:
        kind, storage, key = pid[0], pid[1], pid[2]
        if kind != "storage" or not isinstance(key, str):
            raise BadPickle("no storage")
        if storage not in _STORAGES:
            return torch.UntypedStorage(0), torch.uint8  # of quantised tensors, which are refused by name
        if key not in self._stored:
            entry = self._records[key]
            if not is_stored([entry]):
                raise WeightsError(
                    f"{self._file} is compressed inside ({shown(entry.filename)}), which torch never does; "
                    "save it again with torch.jit.save."
                )
            start, end = span(self._file, entry)
            self._stored[key] = self._mapped[start:end]
        return self._stored[key], _STORAGES[storage]

    def _tensor(self, storage: Any, offset: Any, size: Any, stride: Any, *_: object) -> Tensor:
        return torch.empty(0, dtype=storage[1]).set_(storage[0], offset, tuple(size), tuple(stride))

    def _quantised(self, *_: object) -> _Quantised:
        return _Quantised()

    def _first(self, value: Any = None, *_: object) -> Any:
        return value

    def _nothing(self, *_: object) -> None:
        return None


def _maker(kind: str) -> Any:
    def make(cls: type[Holder], *_: object) -> Holder:
        holder = object.__new__(cls)
        Holder.__init__(holder, kind)
        return holder

    return make


def _registered(file: Path, entries: Sequence[zipfile.ZipInfo], root: str) -> dict[str, set[str]]:
    """Return the names of parameters and buffers by class, as the code's text lists them."""
    found: dict[str, set[str]] = {}
    left = _LARGEST_CODE
    for entry in entries:
        place = entry.filename.removeprefix(f"{root}/code/")
        left -= entry.file_size if place.endswith(".py") else 0
        if place == entry.filename or not place.endswith(".py") or left < 0:
            continue
        module = place.removesuffix(".py").replace("/", ".")
        for name, parameters, buffers in _CLASS.findall(read_entry(file, entry).decode("utf-8", "replace")):
            found[f"{module}.{name}"] = {*_QUOTED.findall(parameters), *_QUOTED.findall(buffers)}
    return found


class _Collector:
    """Walks through the modules and keeps their tensors."""

    def __init__(self, file: Path, kinds: Mapping[str, set[str]]) -> None:
        self.tensors: State = {}
        self._file, self._kinds = file, kinds
        self._empty: set[int] = set()  # modules without tensors: one may stand in many places

    def collect(self, holder: Holder, prefix: str = "", depth: int = 0) -> None:
        if depth > _DEEPEST:
            raise WeightsError(f"{self._file} nests its modules too deeply; it is damaged or hostile.")
        known = self._kinds.get(holder.kind)
        before = len(self.tensors)
        for key, value in holder.state.items():
            name = f"{prefix}{key}"
            if len(self.tensors) > _MOST_TENSORS:
                raise WeightsError(f"{self._file} holds more than {_MOST_TENSORS:,} tensors; it is damaged or hostile.")
            if isinstance(value, Holder) and id(value) not in self._empty:
                self.collect(value, f"{name}.", depth + 1)
            elif known is None or key in known:
                self._keep(name, value)
        if len(self.tensors) == before:
            self._empty.add(id(holder))

    def _keep(self, name: str, value: Any) -> None:
        if isinstance(value, Tensor):
            self.tensors[name] = value
        elif isinstance(value, _Quantised):
            raise WeightsError(
                f"{self._file}: {shown(name)} is quantised or sparse; fetch the weights as they were before "
                "quantisation."
            )
