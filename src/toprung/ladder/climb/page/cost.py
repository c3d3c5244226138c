"""What a run cost in all: its own training, and that of the runs that it was made from."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

from toprung.errors import RunError
from toprung.ladder.reading import listing, mapping, number, text
from toprung.runs.folder import RunFolder
from toprung.runs.fusion_card import is_fused, read_fusion_card


def whole_cost(run: RunFolder, runs: Sequence[RunFolder]) -> float:
    """Return the seconds to train a run and all runs of the climb that it hangs on, each once.

    Args:
        run: of the climb.
        runs: all of them.
    """
    by_name = {one.path.name: one for one in runs}
    open_names, counted = [run.path.name], set[str]()
    while open_names:
        name = open_names.pop()
        if name in by_name and name not in counted:
            counted.add(name)
            open_names += _made_from(by_name[name])
    return sum(number(by_name[name].record().get("seconds")) or 0.0 for name in counted)


def _made_from(run: RunFolder) -> list[str]:
    """Return names of the runs whose weights or answers went into one."""
    if is_fused(run.model):
        try:
            return [member.name for member in read_fusion_card(run.model).members]
        except RunError:
            return []
    parents = [text(mapping(one).get("name")) for one in listing(run.record().get("parents"))]
    try:
        weights = tomllib.loads(run.recipe_file.read_text(encoding="utf-8"))["model"]["weights"]
    except (OSError, ValueError, KeyError, TypeError):
        return parents
    return [*parents, Path(str(weights)).name]
