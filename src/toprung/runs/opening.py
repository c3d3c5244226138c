"""Whatever holds a model -> what classifies pictures with it. torch is imported only where it is needed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from toprung.errors import RunError
from toprung.runs.wrapping import StreamingClassifier

if TYPE_CHECKING:
    from toprung.runs.classifier import Classifier

ONNX_SUFFIX = ".onnx"
_BLOCK = 1 << 22


def is_exported(path: Path) -> bool:
    """Say whether a path names a model that ``toprung export`` wrote, not a run or a model folder."""
    return path.suffix.lower() == ONNX_SUFFIX and not path.is_dir()


def open_classifier(path: Path, device: str = "auto") -> Classifier | StreamingClassifier:
    """Return the classifier of a run, of a model folder, or of an exported model.

    Args:
        path: a run folder, the ``model`` folder of one, or a file ending in ``.onnx``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        RunError: missing or damaged files, a newer version, or a device that is not there.
    """
    if is_exported(path):
        return open_exported(path, device)
    from toprung.runs.classifier import Classifier, model_folder

    return Classifier.open(model_folder(path), device)


def open_exported(path: Path, device: str = "auto") -> StreamingClassifier:
    """Return the classifier of an exported model.

    Raises:
        RunError: as :func:`open_classifier`, or ONNX Runtime is missing.
    """
    from toprung.runs.exported.onnx_classifier import OnnxClassifier

    return OnnxClassifier.open(path, device)


def fingerprint(path: Path) -> str:
    """Return a hash of a model's files, to tell whether two calls used the same model.

    Raises:
        RunError: a file is missing.
    """
    if is_exported(path):
        return _fingerprint_of_files([path, *sorted(path.parent.glob(f"{path.name}.data"))])
    from toprung.runs.classifier import model_folder
    from toprung.runs.model import weights_fingerprint

    return weights_fingerprint(model_folder(path))


def _fingerprint_of_files(files: list[Path]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        try:
            with file.open("rb") as opened:
                while block := opened.read(_BLOCK):
                    digest.update(block)
        except OSError as error:
            raise RunError(f"{file} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()
