"""Model folders: Hugging Face's, sharded ones with their index, and what toprung saved."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toprung.checkpoints.formats.showing import shown
from toprung.errors import WeightsError

_CARD = "model.json"
_OURS = "model.safetensors"
_OURS_WITH_DECODER = "autoencoder.safetensors"  # of a pretraining, beside its encoder
_KNOWN = (
    _OURS, f"{_OURS}.index.json", "open_clip_model.safetensors", "pytorch_model.bin", "pytorch_model.bin.index.json",
    "open_clip_pytorch_model.bin",
)  # fmt: skip
_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".npz", ".pth.tar")
_NO_WEIGHTS = ("training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state.pth")
_SHARD = re.compile(r"(.+)-\d{3,6}-of-\d{3,6}(\.\w+)")
_LARGEST = 1 << 24  # bytes of JSON that are read


def locate_in_folder(folder: Path) -> Path:
    """Return the weights file of a folder, or the index of its shards.

    Raises:
        WeightsError: none, or several that could be meant.
    """
    if (folder / "run.json").is_file() and (folder / "model" / _OURS).is_file():
        return folder / "model" / _OURS
    for name in _KNOWN:
        if (folder / name).is_file():
            return folder / name
    found = sorted(
        path
        for path in folder.iterdir()
        if path.name.endswith(_SUFFIXES) and path.name not in _NO_WEIGHTS and path.is_file()
    )
    if len(found) == 1:
        return found[0]
    if not found:
        raise WeightsError(
            f"the folder {folder} holds no weights: there is no weights file such as {', '.join(_KNOWN)} or "
            f"{', '.join(f'*{suffix}' for suffix in _SUFFIXES)} in it; give another folder or the file itself."
        )
    listed = ", ".join(path.name for path in found[:8])
    raise WeightsError(f"the folder {folder} holds {len(found)} weights files ({listed}); give the one that is meant.")


def index_of(file: Path) -> Path | None:
    """Return the index that a file is or belongs to, ``None`` for a file that stands alone.

    Raises:
        WeightsError: one shard of several without the index of all.
    """
    if file.name.endswith(".index.json"):
        return file
    shard = _SHARD.fullmatch(file.name)
    if shard is None or not file.is_file():
        return None
    index = file.with_name(f"{shard[1]}{shard[2]}.index.json")
    if not index.is_file():
        raise WeightsError(f"{file} is one shard of several and {index.name} does not lie beside it; fetch that too.")
    return index


def shards_of(index: Path) -> dict[Path, set[str]]:
    """Return the shards that an index names, each with its tensors' names.

    Raises:
        WeightsError: a damaged index, one that leads out of its folder, or a shard that is missing.
    """
    if not index.is_file():
        raise WeightsError(f"there is no weights file {index}; give the path of a file, a model folder, or a run.")
    places = _read_table(index).get("weight_map")
    if not isinstance(places, Mapping) or not places:
        raise WeightsError(f"{index} is no index of shards: it has no weight_map; fetch it again.")
    shards: dict[Path, set[str]] = {}
    for name, place in places.items():
        if not isinstance(place, str) or Path(place).name != place or place in ("", "..") or set(place) & {"\\", "\0"}:
            raise WeightsError(
                f"{index} names the shard '{shown(place)}', which does not lie beside it; it is not followed."
            )
        shards.setdefault(index.parent / place, set()).add(str(name))
    for shard in shards:
        if not shard.is_file():
            raise WeightsError(f"the shard {shard} that {index.name} names is missing; fetch it too.")
    return shards


def read_config(file: Path) -> dict[str, Any]:
    """Return what stands beside a weights file: ``config.json``, and (under ``toprung``) the card of a saved model.

    Weights can be read without either: one that is damaged or large counts as missing.
    """
    names = ("config.json", "open_clip_config.json")
    config: dict[str, Any] = {}
    for name in reversed(names) if file.name.startswith("open_clip") else names:
        if config := _lenient(file.with_name(name)):
            break
    card = _lenient(file.with_name(_CARD)) if file.name in (_OURS, _OURS_WITH_DECODER) else {}
    return config | ({"toprung": card} if card.get("architecture") else {})


def _read_table(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _LARGEST:
            raise WeightsError(f"{file} has {file.stat().st_size:,} bytes, more than any such file; fetch it again.")
        content = json.loads(file.read_text(encoding="utf-8"))
    except PermissionError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{file} is no readable JSON; fetch it again.") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{file} holds no JSON table; fetch it again.")
    return content


def _lenient(file: Path) -> dict[str, Any]:
    try:
        return _read_table(file) if file.is_file() else {}
    except (WeightsError, OSError):
        return {}
