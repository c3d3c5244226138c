"""The exact account of what a weights file gave to a model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LoadReport:
    """What was used, dropped, and left at its initial value when weights were loaded.

    Attributes:
        source: where the weights came from.
        dialect: which naming the file was recognised as.
        loaded: names of the model's tensors that got a value from the file.
        dropped: names in the file that were not used, each with the reason.
        missing: names of the model's tensors left at their initial value.
        matched: share of the model's backbone parameters that got a value, 0 … 1.
        assumptions: what the tensors cannot tell and was taken for granted.
        preprocessing: mean, std and the like that go with the weights and differ from the model's own.
    """

    source: str
    dialect: str
    loaded: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    matched: float
    assumptions: tuple[str, ...] = ()
    resized: tuple[str, ...] = ()
    preprocessing: dict[str, Any] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        lines = [
            f"weights    {self.source}",
            f"dialect    {self.dialect}",
            f"loaded     {len(self.loaded)} tensors, {self.matched:.1%} of the backbone's parameters",
        ]
        reasons: dict[str, list[str]] = {}
        for name, reason in self.dropped:
            reasons.setdefault(reason, []).append(name)
        lines += [f"dropped    {', '.join(names[:4])}: {reason}" for reason, names in reasons.items()]
        if self.missing:
            lines.append(f"new        {', '.join(self.missing[:6])}")
        lines += [f"assumed    {assumption}" for assumption in self.assumptions]
        return "\n".join(lines)
