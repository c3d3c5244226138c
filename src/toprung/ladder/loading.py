"""From a path to a model that predicts; torch is imported only for those that need it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from toprung.runs.opening import is_exported, model_folder, open_classifier

if TYPE_CHECKING:
    from toprung.ladder.run import Run
    from toprung.runs.classifier import Classifier
    from toprung.runs.wrapping import StreamingClassifier


def load(path: Path | str, *, device: str = "auto") -> Run | Classifier | StreamingClassifier:
    """Load a trained model, ready to predict.

    Args:
        path: a run folder; the ``model`` folder of one, which can be copied anywhere by itself; or an ``.onnx`` file
            that ``toprung export`` wrote, for which torch is not needed.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Returns:
        A :class:`Run` for a run folder, a :class:`Classifier` for a model folder, a
        :class:`toprung.runs.fused.FusedClassifier` for one of several models, an
        :class:`toprung.runs.exported.onnx_classifier.OnnxClassifier` for a file; all have ``predict`` and ``classes``.

    Raises:
        RunError: no such folder, damaged, from a newer version, or without a model yet.
    """
    place = Path(path)
    if is_exported(place) or model_folder(place) == place:
        return open_classifier(place, device)
    from toprung.ladder.run import Run

    run = Run(place, device=device)
    _ = run.classifier  # a model that cannot be loaded is told now, not at the first picture
    return run
