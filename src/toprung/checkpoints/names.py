"""Name tables that can be read in both directions: a project's tensor names, and timm's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_PLACE = re.compile(r"\{(\w)\}")
_NUMBER = r"\d+"
_KINDS = {"p": r"\w+"}


class _Pattern:
    """One name with places: ``{i}``, ``{j}``, ``{k}`` are numbers, ``{p}`` is what an attribute is called."""

    def __init__(self, text: str) -> None:
        self.text = text
        parts = _PLACE.split(text)
        body = "".join(
            re.escape(part) if index % 2 == 0 else f"(?P<{part}>{_KINDS.get(part, _NUMBER)})"
            for index, part in enumerate(parts)
        )
        self._expression = re.compile(body)

    def read(self, name: str) -> dict[str, str] | None:
        found = self._expression.fullmatch(name)
        return found.groupdict() if found else None

    def write(self, places: Mapping[str, str]) -> str:
        return _PLACE.sub(lambda place: places[place[1]], self.text)


@dataclass(frozen=True)
class Renamed:
    """What a table made of a state.

    Attributes:
        state: tensors by the new names.
        leftover: names that the table does not know, in the file's order.
    """

    state: dict[str, Tensor]
    leftover: tuple[str, ...]


class NameTable:
    """Rules from one project's names to timm's, and back.

    A rule's left side is one name, or several whose tensors are joined along their first axis in that order (query,
    key, value). The names are those of modules or of bare parameters: ``.weight``, ``.bias`` and whatever stands
    behind a module's name are carried along, and ``{p}`` is only needed where the leaf itself is renamed.

    Args:
        rules: pairs of (their names, timm's name).
    """

    def __init__(self, rules: Iterable[tuple[str | Sequence[str], str]]) -> None:
        self._rules = [
            ([_Pattern(name) for name in ((left,) if isinstance(left, str) else left)], _Pattern(right))
            for left, right in rules
        ]

    def forward(self, name: str) -> str | None:
        """Return timm's name for one of theirs, ``None`` where no rule holds."""
        found = self._find(name)
        return found[0] if found else None

    def backward(self, name: str) -> tuple[str, ...]:
        """Return their names (several where timm joins them) for one of timm's, ``()`` where no rule holds."""
        for stem, leaf in _cuts(name):
            for left, right in self._rules:
                places = right.read(stem)
                if places is not None:
                    return tuple(pattern.write(places) + leaf for pattern in left)
        return ()

    def rename(self, state: Mapping[str, Tensor]) -> Renamed:
        """Return the tensors under timm's names; the parts of a joined tensor must all be there."""
        renamed: dict[str, Tensor] = {}
        parts: dict[str, dict[int, str]] = {}
        leftover: list[str] = []
        for name, tensor in state.items():
            found = self._find(name)
            if found is None:
                leftover.append(name)
                continue
            target, place, count = found
            if count > 1:
                parts.setdefault(target, {})[place] = name
            elif target in renamed:
                leftover.append(name)
            else:
                renamed[target] = tensor
        for target, sources in parts.items():
            whole = self.backward(target)
            if target in renamed or len(sources) < len(whole):
                leftover += sources.values()
            else:
                renamed[target] = torch.cat([state[sources[place]] for place in range(len(whole))])
        return Renamed(renamed, tuple(leftover))

    def _find(self, name: str) -> tuple[str, int, int] | None:
        """Return timm's name, which part of it this is, and of how many parts."""
        for stem, leaf in _cuts(name):
            for left, right in self._rules:
                for place, pattern in enumerate(left):
                    places = pattern.read(stem)
                    if places is not None:
                        return right.write(places) + leaf, place, len(left)
        return None


def _cuts(name: str) -> list[tuple[str, str]]:
    """Return the name whole, then cut before each dot from the right: the most exact rule is found first."""
    dots = [match.start() for match in re.finditer(r"\.", name)]
    return [(name, ""), *((name[:dot], name[dot:]) for dot in reversed(dots))]


def under(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names start with ``prefix``, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def count_blocks(names: Iterable[str], pattern: str) -> int:
    """Return how many different numbers stand in the first group of ``pattern``, matched at a name's start."""
    expression = re.compile(pattern)
    return len({found[1] for name in names if (found := expression.match(name))})
