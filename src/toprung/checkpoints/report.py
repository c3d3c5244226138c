"""The exact account of what a weights file gave to a model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Resized:
    """One tensor that was changed to fit.

    Attributes:
        name: in the model.
        before: shape in the file.
        after: shape in the model.
        method: how, such as ``bicubic, antialiased, grid 14×14 -> 24×24``.
    """

    name: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    method: str


@dataclass(frozen=True)
class LoadReport:
    """What was used, dropped, resized, and left at its initial value when weights were loaded.

    Attributes:
        source: path of the file, or a description such as ``pretrained (hf-hub:...)``.
        dialect: whose names the file's tensors had.
        loaded: names of the model's tensors that got a value.
        dropped: names of the file's tensors that were not used, each with the reason.
        missing: names of the model's tensors left at their initial value.
        matched: share of the model's backbone parameters that got a value, 0 … 1.
        assumptions: what the tensors cannot tell and was taken for granted.
        resized: tensors changed to fit; they are among ``loaded``.
        preprocessing: mean, std and the like that go with the weights and differ from the model's own.
        adjusted: what the model computes with now and did not before, such as ``activation: quick_gelu``.
        conventions: the same as plain values, for :func:`toprung.models.conventions.apply_conventions`.
        taken: which of several sets of tensors in the file was used, and which were left.
        head_start: how the fresh head begins, where the dialect's recipe says.
        licence: of the published weights, where known.
        partial: a misfit was allowed by ``strict=False``; the model is not what the file was.
    """

    source: str
    dialect: str
    loaded: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    matched: float
    assumptions: tuple[str, ...] = ()
    resized: tuple[Resized, ...] = ()
    preprocessing: dict[str, Any] = dataclasses.field(default_factory=dict)
    adjusted: tuple[str, ...] = ()
    conventions: dict[str, Any] = dataclasses.field(default_factory=dict)
    taken: str = ""
    head_start: str = ""
    licence: str = ""
    partial: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        lines = [f"weights    {self.source}", f"dialect    {self.dialect}"]
        if self.taken:
            lines.append(f"taken      {self.taken}")
        share = f"{self.matched:.1%} of the backbone's parameters"
        lines.append(f"loaded     {len(self.loaded)} tensors, {share}")
        if self.partial:
            lines.append("partial    the file does not fit the model, and a partial load was asked for")
        lines += [f"resized    {_resized(item)}" for item in self.resized[:4]]
        if len(self.resized) > 4:
            lines.append(f"resized    and {len(self.resized) - 4} more by the same method")
        reasons: dict[str, list[str]] = {}
        for name, reason in self.dropped:
            reasons.setdefault(reason, []).append(name)
        lines += [f"dropped    {_listed(names)}: {reason}" for reason, names in reasons.items()]
        if self.missing:
            how = f" ({self.head_start})" if self.head_start else ""
            lines.append(f"new        {_listed(self.missing)}{how}")
        lines += [f"adjusted   {item}" for item in self.adjusted]
        lines += [f"assumed    {assumption}" for assumption in self.assumptions]
        if self.licence:
            lines.append(f"licence    {self.licence}")
        return "\n".join(lines)


def _resized(item: Resized) -> str:
    return f"{item.name} {_shape(item.before)} -> {_shape(item.after)}: {item.method}"


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _listed(names: list[str] | tuple[str, ...]) -> str:
    shown = ", ".join(names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown
