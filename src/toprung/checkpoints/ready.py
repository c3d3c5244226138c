"""From a name and a weights file to a ready model, without computing initial values that nobody keeps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from toprung.checkpoints.files import read_weights
from toprung.checkpoints.load import load_file
from toprung.checkpoints.plan import AS_USUAL, LoadOptions
from toprung.checkpoints.report import LoadReport
from toprung.models.catalogue import build, build_empty


def model_from_weights(
    name: str,
    path: Path | str,
    num_classes: int,
    arguments: Mapping[str, Any] | None = None,
    *,
    options: LoadOptions = AS_USUAL,
    strict: bool = True,
    dialect: str | None = None,
    accept_proposal: bool = False,
) -> tuple[nn.Module, LoadReport]:
    """Build a model on ``meta`` and give it a file's tensors, memory-mapped where nothing changes them.

    Writing to a mapped parameter copies its pages; the file never changes.

    Args:
        name: of the catalogue.
        path: as of :func:`~toprung.checkpoints.load.load_weights`, and the other arguments too.
        num_classes: outputs of the classifier.
        arguments: keywords of ``create_model``.
        options: how to fit.
        strict: ``False`` loads what fits; the model is then built with initial values first.
        dialect: see ``load_weights``.
        accept_proposal: see ``load_weights``.

    Raises:
        ModelError: unknown name or arguments.
        WeightsError: the file cannot be read safely.
        WeightsMismatch: the file does not fit.
    """
    file = read_weights(path)
    builder = build_empty if strict else build
    model = builder(name, num_classes, arguments or {})
    report = load_file(model, file, options=options, strict=strict, dialect=dialect, accept_proposal=accept_proposal)
    return model, report
