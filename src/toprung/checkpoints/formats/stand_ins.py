"""Inert stand-ins for the classes that public checkpoints hold beside their tensors.

torch's restricted unpickler calls what it is told to allow. Nothing of NumPy, argparse or a configuration library is
allowed: a pickle's state given to ``numpy.dtype`` can make NumPy follow pointers out of the file. These classes only
keep what the file says, and arrays are built from checked bytes.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

_NUMBERS = re.compile(r"b1|i[1248]|u[1248]|f[248]|c8|c16")
_LONGEST_PATH = 4_096


class Record:
    """Stands for an object with attributes, and for a class that is only named."""

    def __init__(self, *arguments: object) -> None:
        self.content: dict[str, Any] = {}
        self.arguments = arguments

    def __setstate__(self, state: object) -> None:
        """Keep the attributes; call nothing."""
        self.content = {}
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.content |= {key: value for key, value in part.items() if isinstance(key, str)}


class Text(str):
    """Stands for classes that are strings, such as torch's version."""

    __slots__ = ()

    def __new__(cls, value: object = "", *_: object) -> Text:
        """Keep a text; the words for anything else could be of any length."""
        return str.__new__(cls, value if isinstance(value, str) else "")


class NumpyType:
    """Stands for ``numpy.dtype``."""

    def __init__(self, code: object = "", *_: object) -> None:
        self._code = code if isinstance(code, str) else ""
        self._order = "<"

    def __setstate__(self, state: object) -> None:
        """Keep the byte order; fields and flags make it none of the known types."""
        if not isinstance(state, tuple) or len(state) < 5 or state[2] is not None or state[3] is not None:
            self._code = ""
        elif state[1] == ">":
            self._order = ">"

    @property
    def text(self) -> str:
        """``U`` or ``S`` for strings, "" for anything else."""
        return self._code[:1] if self._code[:1] in ("U", "S") else ""

    def dtype(self) -> np.dtype[Any] | None:
        """Return the dtype of plain numbers, ``None`` for anything else."""
        return np.dtype(self._order + self._code) if _NUMBERS.fullmatch(self._code) else None


class NumpyArray:
    """Stands for ``numpy.ndarray``: an array of plain numbers, or ``None`` in ``value`` for any other."""

    def __init__(self, *_: object) -> None:
        self.value: np.ndarray[Any, Any] | None = None

    def __setstate__(self, state: object) -> None:
        """Build the array where shape, type and bytes agree."""
        self.value = None
        if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[2], NumpyType):
            return
        shape, dtype, content = state[1], state[2].dtype(), _bytes(state[4])
        if dtype is None or content is None or not isinstance(shape, tuple):
            return
        if all(type(n) is int and n >= 0 for n in shape) and math.prod(shape) * dtype.itemsize == len(content):
            flat = np.frombuffer(content, dtype).astype(dtype.newbyteorder("="))  # a copy that can be written
            self.value = flat.reshape(shape, order="F" if state[3] else "C")


def _scalar(kind: object = None, content: object = None, *_: object) -> object:
    """Return the plain number or string for ``numpy``'s own."""
    raw = _bytes(content)
    if not isinstance(kind, NumpyType) or raw is None:
        return None
    if kind.text:
        return raw.decode("utf-32-le" if kind.text == "U" else "utf-8", "replace").rstrip("\0")
    dtype = kind.dtype()
    return np.frombuffer(raw, dtype)[0].item() if dtype is not None and len(raw) == dtype.itemsize else None


def _bytes(content: object) -> bytes | None:
    if isinstance(content, str):  # Python 2's bytes
        return content.encode("latin-1", "replace")
    return content if isinstance(content, bytes) else None


def _parts(parts: tuple[object, ...]) -> list[str]:
    """Return the parts of a path; none where it is longer than any, as a path of two paths may be again and again."""
    found = [part for part in parts if isinstance(part, str)]
    return found if sum(map(len, found)) <= _LONGEST_PATH else []


def _posix_path(*parts: object) -> str:
    return str(PurePosixPath(*_parts(parts)))


def _windows_path(*parts: object) -> str:
    return str(PureWindowsPath(*_parts(parts)))


def _table(*_: object) -> dict[Any, Any]:
    return {}


def _no_bytes(*_: object) -> bytes:
    """Stand for ``bytes``, which the old protocol calls for empty ones only."""
    return b""


def _nothing(*_: object) -> None:
    return None


_PATHS: dict[str, Any] = {
    f"{module}.{kind}": _windows_path if "Windows" in kind else _posix_path
    for module in ("pathlib", "pathlib._local")
    for kind in ("Path", "PurePath", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath")
}
_NUMPY: dict[str, Any] = {
    f"{core}.{name}": stand_in
    for core in ("numpy.core.multiarray", "numpy._core.multiarray")
    for name, stand_in in (("scalar", _scalar), ("_reconstruct", NumpyArray))
} | {"numpy.dtype": NumpyType, "numpy.ndarray": NumpyArray}
_TABLES: dict[str, Any] = dict.fromkeys(
    (
        "yacs.config.CfgNode", "fvcore.common.config.CfgNode", "detectron2.config.config.CfgNode",
        "mmcv.utils.config.ConfigDict", "mmengine.config.config.ConfigDict", "easydict.EasyDict", "addict.addict.Dict",
        "munch.Munch", "pytorch_lightning.utilities.parsing.AttributeDict",
        "lightning_fabric.utilities.data.AttributeDict", "lightning.fabric.utilities.data.AttributeDict",
        "lightning.pytorch.utilities.parsing.AttributeDict",
    ),
    OrderedDict,
)  # fmt: skip
_CALLBACKS = [
    f"{package}.callbacks.{callback}"
    for package in ("pytorch_lightning", "lightning.pytorch")
    for callback in ("model_checkpoint.ModelCheckpoint", "early_stopping.EarlyStopping")
]
_OMEGACONF = [
    f"omegaconf.{name}"
    for name in (
        "dictconfig.DictConfig", "listconfig.ListConfig", "base.ContainerMetadata", "base.Metadata", "nodes.AnyNode",
        "nodes.StringNode", "nodes.IntegerNode", "nodes.FloatNode", "nodes.BooleanNode", "nodes.PathNode",
    )
]  # fmt: skip
_TYPES = [f"builtins.{name}" for name in ("bool", "int", "float", "str", "list", "tuple", "dict", "object")]
_DATES = [f"datetime.{name}" for name in ("date", "datetime", "time", "timedelta", "timezone")]
_HISTORY = "mmengine.logging.history_buffer.HistoryBuffer"
_RECORDS: dict[str, Any] = dict.fromkeys(
    ["argparse.Namespace", "types.SimpleNamespace", "typing.Any", _HISTORY, *_CALLBACKS, *_OMEGACONF, *_TYPES, *_DATES],
    Record,
)
STAND_INS: dict[str, Any] = (
    _RECORDS
    | _TABLES
    | _NUMPY
    | _PATHS
    | {"collections.defaultdict": _table, "builtins.bytes": _no_bytes, "torch.torch_version.TorchVersion": Text}
)


def stand_ins_for(names: tuple[str, ...]) -> dict[str, Any]:
    """Return what stands for the classes that a pickle names."""
    found = {name: STAND_INS[name] for name in names if name in STAND_INS}
    if _HISTORY in names:  # its methods are pickled as getattr(HistoryBuffer, "mean"); here nothing is looked up
        found["builtins.getattr"] = _nothing
    return found
