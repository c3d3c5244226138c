"""Features on disk, by the content of the pictures: kept once they are computed, whichever run asks for them.

.features/<model>-<digest>/
  about.json             what the features depend on beside the pictures
  <digest>.safetensors   a part of the pictures: ``features`` (n, D) float32, ``hashes`` (n, 16) uint8

A part is never changed once it is written. Its name comes from its pictures, so that two runs at the same time may
write the same part and no part stands for two sets of pictures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from toprung.errors import StorageError
from toprung.storage import explain, replacing, write_json

FOLDER = ".features"
FORMAT = 1


class FeatureStore:
    """The features of one network under one preprocessing.

    Args:
        root: where the stores stand.
        name: begins the folder's name, for people.
        about: plain values: all that the features depend on beside the pictures.

    Raises:
        StorageError: a part is damaged or cannot be read.
    """

    def __init__(self, root: Path, name: str, about: Mapping[str, Any]) -> None:
        self._about = {"format": FORMAT} | dict(about)
        digest = hashlib.blake2b(json.dumps(self._about, sort_keys=True).encode(), digest_size=8).hexdigest()
        self.path = root / f"{name}-{digest}"
        self._rows: dict[str, NDArray[np.float32]] = {}
        for file in sorted(self.path.glob("[!.]*.safetensors")):
            self._rows |= _read(file)

    def __contains__(self, content: object) -> bool:
        return content in self._rows

    def add(self, contents: Sequence[str], features: NDArray[np.float32]) -> None:
        """Keep the features of some pictures.

        Args:
            contents: content hash of each picture (BLAKE2b-128, hex).
            features: ``(n, D)`` float32.

        Raises:
            StorageError: full disk, or no permission.
        """
        if not (self.path / "about.json").is_file():
            write_json(self.path / "about.json", self._about)
        codes = np.array([list(bytes.fromhex(content)) for content in contents], dtype=np.uint8)
        name = hashlib.blake2b(codes.tobytes(), digest_size=12).hexdigest()
        with replacing(self.path / f"{name}.safetensors") as temporary:
            _save({"features": np.ascontiguousarray(features), "hashes": codes}, temporary)
        self._rows |= dict(zip(contents, features, strict=True))

    def rows(self, contents: Sequence[str]) -> NDArray[np.float32]:
        """Return ``(n, D)`` float32: the features of pictures that are all in the store."""
        return np.stack([self._rows[content] for content in contents])


def _save(tensors: dict[str, NDArray[Any]], file: Path) -> None:
    try:
        save_file(tensors, file)
    except SafetensorError as error:  # it wraps the operating system's
        raise StorageError(f"cannot write features to {file.parent}: {error}; free some space.") from error


def _read(file: Path) -> dict[str, NDArray[np.float32]]:
    try:
        tensors = load_file(file)
        contents = [bytes(code).hex() for code in tensors["hashes"]]
        return dict(zip(contents, tensors["features"].astype(np.float32, copy=False), strict=True))
    except OSError as error:
        raise explain(error, file, "read") from error
    except (SafetensorError, KeyError, ValueError) as error:
        raise StorageError(f"{file} is damaged ({error}); remove it, and its features are computed again.") from error
