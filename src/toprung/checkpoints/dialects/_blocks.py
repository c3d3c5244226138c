"""What dialects of inverted residual blocks share: timm numbers stage and block, other projects number them through."""

from __future__ import annotations

import re
from collections.abc import Mapping

from toprung.checkpoints.dialects import Target


def block_places(widths: Mapping[int, int], target: Target | None) -> dict[int, str]:
    """Return timm's ``stage.block`` by the number of a block.

    They are those of the model where it has as many blocks. Without one a stage ends where the width changes, which
    holds for all architectures that were published.

    Args:
        widths: what each block gives out, by its number.
        target: the model.
    """
    found = (
        {place.groups() for name in target.shapes if (place := re.match(r"blocks\.(\d+)\.(\d+)\.", name))}
        if target
        else set()
    )
    if len(found) == len(widths):
        places = sorted((int(stage), int(block)) for stage, block in found)
        return {number: f"{stage}.{block}" for number, (stage, block) in zip(sorted(widths), places, strict=True)}
    return _places_by_width(widths)


def _places_by_width(widths: Mapping[int, int]) -> dict[int, str]:
    places: dict[int, str] = {}
    stage, block, before = -1, 0, None
    for number in sorted(widths):
        stage, block = (stage, block + 1) if widths[number] == before else (stage + 1, 0)
        places[number], before = f"{stage}.{block}", widths[number]
    return places
