"""What makes a run of a rung the same as another: its recipe, its pictures and what it starts from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toprung.errors import RunError
from toprung.training.recipe import Recipe

_PARTS = 16
_PART = 65_536  # bytes


def recipe_key(recipe: Recipe, data_hash: str, weights: str, parents: Sequence[str] = ()) -> str:
    """Return a key that is equal where training again would give the same run.

    The path of the weights is left out, as files move; their content counts. Settings at their defaults are left out
    too, so that a version with a new setting reuses the runs of the one before.

    Args:
        recipe: as asked for, before anything in it was settled for a machine or a budget.
        data_hash: of pictures, labels and splits.
        weights: what the run starts from: :func:`file_mark` of a file, or the setting itself.
        parents: keys of the runs that it goes on from.
    """
    content = _own_settings(recipe)
    content.pop("model.weights", None)
    return digest({"recipe": content, "data": data_hash, "weights": weights, "parents": list(parents)})


def _own_settings(recipe: Recipe) -> dict[str, Any]:
    """Return the settings that are not at their defaults, by dotted name."""
    default = Recipe().to_dict()
    own: dict[str, Any] = {}
    for name, value in recipe.to_dict().items():
        if isinstance(value, dict):
            before = default.get(name, {})
            own |= {f"{name}.{key}": inner for key, inner in value.items() if before.get(key) != inner}
        elif default.get(name) != value:
            own[name] = value
    return own


def digest(content: Any) -> str:
    """Return a short hash of plain values."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def file_mark(file: Path) -> str:
    """Return a hash of a file's size and of sixteen pieces of it, which is quick on files of gigabytes.

    A folder is marked by its files.

    Raises:
        RunError: it cannot be read.
    """
    mark = hashlib.blake2b(digest_size=16)
    try:
        files = sorted(file.rglob("*.safetensors")) or sorted(file.iterdir()) if file.is_dir() else [file]
        for one in files:
            if not one.is_file():
                continue
            size = one.stat().st_size
            mark.update(f"{one.name if file.is_dir() else ''} {size}\n".encode())
            with one.open("rb") as stream:
                for part in range(_PARTS):
                    stream.seek(max(0, (size - _PART) * part // (_PARTS - 1)))
                    mark.update(stream.read(_PART))
    except OSError as error:
        raise RunError(f"{file} cannot be read: {error.strerror}.") from error
    return mark.hexdigest()
