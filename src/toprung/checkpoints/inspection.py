"""What a weights file is: its dialect, geometry, purpose, health, and the models that it fits."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from toprung.checkpoints.adapting import target_of
from toprung.checkpoints.files import WeightsFile, read_weights
from toprung.checkpoints.fingerprints import similar_architectures
from toprung.checkpoints.fitting import fitting_models
from toprung.checkpoints.geometry import Geometry, geometry_of
from toprung.checkpoints.load import is_finite, load_file
from toprung.checkpoints.recognise import Recognised, recognise
from toprung.checkpoints.report import LoadReport
from toprung.checkpoints.structural import propose
from toprung.errors import ToprungError
from toprung.models.catalogue import build_empty, build_shapes

_PROPOSED = 5  # architectures of the same shapes that are tried


@dataclass(frozen=True)
class Inspection:
    """What can be told of a weights file without a model.

    Attributes:
        path: the file.
        format: how it is written.
        size: bytes on disk.
        tensors: how many.
        dtypes: number of tensors by dtype.
        taken: under which entries of the file the tensors lay, "" where they lay bare.
        alternatives: other entries that hold tensors.
        entries: plain values beside the tensors.
        dialect: whose names these are, "" where nobody's.
        trained_for: by what the weights were trained.
        geometry: ``None`` without a dialect.
        fits: models that take it, as ``create_model`` is called.
        preprocessing: mean and std.
        assumptions: what no tensor tells.
        conventions: what the network computes with, as far as the dialect knows.
        licence: of the published file, where known.
        dropped: names without a place in a classifier, with reasons.
        leftover: names that the dialect does not know.
        unhealthy: tensors with NaN or infinite values, or matrices of zeros.
        proposals: models that the tensors match by shape and order only, with the evidence.
    """

    path: str
    format: str
    size: int
    tensors: int
    dtypes: Mapping[str, int]
    taken: str
    alternatives: tuple[str, ...]
    entries: Mapping[str, Any]
    dialect: str = ""
    trained_for: str = ""
    geometry: Geometry | None = None
    fits: tuple[str, ...] = ()
    preprocessing: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    assumptions: tuple[str, ...] = ()
    conventions: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    licence: str = ""
    dropped: tuple[tuple[str, str], ...] = ()
    leftover: tuple[str, ...] = ()
    unhealthy: tuple[tuple[str, str], ...] = ()
    proposals: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the inspection as plain values."""
        return dataclasses.asdict(self)


def inspect_weights(path: Path | str, *, dialect: str | None = None) -> Inspection:
    """Read a weights file and tell what it is; nothing in it is executed.

    Args:
        path: a weights file, a model folder, or a run.
        dialect: read it as this dialect.

    Raises:
        WeightsError: the file cannot be read safely.
        WeightsMismatch: more than one dialect claims it.
    """
    file = read_weights(path)
    found = recognise(file, dialect=dialect)
    common = Inspection(
        path=str(path),
        format=file.format,
        size=_size(file.path),
        tensors=len(file.tensors),
        dtypes=dict(Counter(str(t.dtype).removeprefix("torch.") for t in file.tensors.values()).most_common()),
        taken=".".join(part for part in (file.wrapper, found.prefix[:-1] if found else "") if part),
        alternatives=file.alternatives,
        entries=file.entries,
        unhealthy=_unhealthy(file.tensors),
    )
    return _with_dialect(common, found) if found else dataclasses.replace(common, proposals=_proposals(file))


def planned_load(path: Path | str, model: str, num_classes: int, **options: Any) -> LoadReport:
    """Return the report of the load that would happen into a model of the catalogue.

    Raises:
        ModelError: unknown name.
        WeightsError: as :func:`~toprung.checkpoints.load.load_weights`.
    """
    file = read_weights(path)
    return load_file(build_empty(model, num_classes, {}), file, **options)


def _with_dialect(common: Inspection, found: Recognised) -> Inspection:
    translation = found.dialect.translate(found.file, None)
    outside = tuple((name, f"stands outside of {found.prefix[:-1]}") for name in found.outside)
    return dataclasses.replace(
        common,
        dialect=found.dialect.NAME,
        trained_for=translation.trained_for,
        geometry=geometry_of(translation.state, translation),
        fits=tuple(str(fit) for fit in fitting_models(found)),
        preprocessing=translation.preprocessing,
        assumptions=translation.assumptions,
        conventions=translation.conventions.to_json(),
        licence=translation.licence,
        dropped=translation.dropped + outside,
        leftover=translation.leftover,
    )


def _proposals(file: WeightsFile) -> tuple[tuple[str, str], ...]:
    found = []
    for name in similar_architectures(file.tensors)[:_PROPOSED]:
        try:
            model: nn.Module = build_shapes(name, 0, {})
        except ToprungError:
            continue
        proposal = propose(file, target_of(model))
        if proposal is not None:
            found.append((name, proposal.evidence))
    return tuple(found)


def _unhealthy(tensors: Mapping[str, Tensor]) -> tuple[tuple[str, str], ...]:
    found = []
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            continue
        if not is_finite(tensor):
            bad = int((~torch.isfinite(tensor)).sum())
            found.append((name, f"{bad} of {tensor.numel()} values are NaN or infinite"))
        elif tensor.ndim > 1 and tensor.numel() > 1 and not tensor.flatten()[0] and not torch.count_nonzero(tensor):
            found.append((name, "all zeros"))
    return tuple(found)


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(inner.stat().st_size for inner in path.rglob("*") if inner.is_file())
    return path.stat().st_size
