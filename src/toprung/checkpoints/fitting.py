"""Which models of the catalogue a file fits, found through the index and proved by planning the load."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toprung.checkpoints.dialects import Translation
from toprung.checkpoints.fingerprints import known_architectures
from toprung.checkpoints.geometry import geometry_of
from toprung.checkpoints.plan import plan_load
from toprung.checkpoints.recognise import Recognised
from toprung.errors import ToprungError
from toprung.models.catalogue import build_shapes

_TRIED = 24  # a bucket of the index may hold dozens that differ in name only


@dataclass(frozen=True)
class Fit:
    """A model that takes every backbone tensor of a file.

    Attributes:
        name: in the catalogue.
        arguments: keywords of ``create_model`` that it needs.
        resized: whether anything must be resized.
        adjusted: whether the model must take over the file's conventions.
    """

    name: str
    arguments: Mapping[str, Any]
    resized: bool
    adjusted: bool

    def __str__(self) -> str:
        return self.name + "".join(f", {key}={value!r}" for key, value in self.arguments.items())


def fitting_models(found: Recognised, limit: int = 8) -> list[Fit]:
    """Return models that the file fits, the best first: nothing resized, then the plainest name.

    Args:
        found: the file and its dialect.
        limit: how many to return at most.
    """
    translation = found.dialect.translate(found.file, None)
    size = geometry_of(translation.state, translation).image_size
    names = _candidates(translation, size)
    fits = [fit for name in names[:_TRIED] if (fit := _try(name, found, translation.arguments)) is not None]
    fits.sort(key=lambda fit: (fit.resized, fit.adjusted))
    if fits and fits[0].resized and size is not None:
        exact = _try(fits[0].name, found, {**translation.arguments, "img_size": size})
        fits = [exact, *fits[1:]] if exact is not None and not exact.resized else fits
    return fits[:limit]


def _candidates(translation: Translation, size: int | None) -> list[str]:
    named = [translation.architecture] if translation.architecture else []
    known = known_architectures(translation.state)
    likely = sorted(known, key=lambda name: (not _is_for(name, size), name.count("_"), len(name)))
    return list(dict.fromkeys([*named, *likely]))


def _is_for(name: str, size: int | None) -> bool:
    return size is None or str(size) in re.findall(r"\d+", name)


def _try(name: str, found: Recognised, arguments: Mapping[str, Any]) -> Fit | None:
    try:
        plan = plan_load(build_shapes(name, 0, arguments), found)
    except ToprungError:
        return None
    return Fit(name, arguments, bool(plan.resized), bool(plan.adjust.to_json())) if plan.fits else None
