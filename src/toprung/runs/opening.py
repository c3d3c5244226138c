"""Whatever holds a model -> what classifies pictures with it. torch is imported only where it is needed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from toprung.errors import RunError
from toprung.runs.folder import CARD_FILE, RunFolder
from toprung.runs.fusion_card import fusion_fingerprint, is_fused
from toprung.runs.wrapping import StreamingClassifier

if TYPE_CHECKING:
    from toprung.runs.classifier import Classifier

ONNX_SUFFIX = ".onnx"
_BLOCK = 1 << 22


def is_exported(path: Path) -> bool:
    """Say whether a path names a model that ``toprung export`` wrote, not a run or a model folder."""
    return path.suffix.lower() == ONNX_SUFFIX and not path.is_dir()


def model_folder(path: Path) -> Path:
    """Return the folder of a saved model: ``path/model`` of a run, or ``path`` itself.

    Raises:
        RunError: it is neither, or the run is of a newer version.
    """
    if (path / CARD_FILE).is_file() or is_fused(path):
        return path
    return RunFolder.open(path).model


def open_classifier(path: Path, device: str = "auto") -> Classifier | StreamingClassifier:
    """Return the classifier of a run, of a model folder, or of an exported model.

    Args:
        path: a run folder, the ``model`` folder of one, fused or not, or a file ending in ``.onnx``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        RunError: missing or damaged files, a newer version, or a device that is not there.
    """
    if is_exported(path):
        from toprung.runs.exported.onnx_classifier import OnnxClassifier

        return OnnxClassifier.open(path, device)
    folder = model_folder(path)
    if is_fused(folder):
        from toprung.runs.fused import FusedClassifier

        return FusedClassifier.open(folder, device)
    from toprung.runs.classifier import Classifier

    return Classifier.open(folder, device)


def fingerprint(path: Path) -> str:
    """Return a hash of a model's files, to tell whether two calls used the same model.

    Args:
        path: as :func:`open_classifier` takes it.

    Raises:
        RunError: a file is missing.
    """
    if is_exported(path):
        return _fingerprint_of_files([path, *path.parent.glob(f"{path.name}.data")])
    folder = model_folder(path)
    if is_fused(folder):
        return fusion_fingerprint(folder)
    from toprung.runs.model import weights_fingerprint

    return weights_fingerprint(folder)


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
