"""Where cases come from: made up on the spot, or a folder of ``benchmarks.cutout_artwork.make``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.cutout_artwork import load
from benchmarks.cutout_cases import GROUNDS, GROUPS, Case, make_case


def cases(source: str, count: int, size: tuple[int, int] = (480, 640), only: str = "") -> Iterator[Case]:
    """Yield cases, the groups in turn.

    Args:
        source: "made", or a folder of saved cases.
        count: how many of each group; of a folder's, the first ones.
        size: height and width of made ones.
        only: those whose name begins so.
    """
    yield from (case for case in _all(source, count, size, only))


def _all(source: str, count: int, size: tuple[int, int], only: str) -> Iterator[Case]:
    if source == "made":
        for index in range(count):
            for group in GROUPS:
                # made cases are numbered far from those that anything was tuned on, on shapes set apart
                name = f"{group}-{GROUNDS[index % 2]}"
                if name.startswith(only):
                    yield make_case(900_000 + index, group, GROUNDS[index % 2], "test", size)
        return
    folders = sorted(path.parent for path in Path(source).glob("*/case.json"))
    if not folders:
        raise SystemExit(f"no case.json below {source}: make them with python -m benchmarks.cutout_artwork.make")
    by_group = {group: [folder for folder in folders if folder.name.startswith(group)] for group in GROUPS}
    for index in range(count):
        for folder in (rows[index] for rows in by_group.values() if index < len(rows)):
            if folder.name.startswith(only):
                yield load(folder)
