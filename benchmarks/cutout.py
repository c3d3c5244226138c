"""Cutting out against its peers, each table in one run on the same cases.

    python -m benchmarks.cutout align|masks|alpha|two|foreground|speed|memory|judge [--cases made|FOLDER] [--count 2]

Cases are made up on the spot (shapes that nothing was tuned on) or come from a folder of
``benchmarks.cutout_artwork.make``. One core: set OMP_NUM_THREADS=1 as well.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

TABLES = ("align", "masks", "alpha", "two", "foreground", "speed", "memory", "judge")


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--cases", default="made", help="made, or a folder of saved cases")
    parser.add_argument("--count", type=int, default=2, help="cases of each of the five groups")
    parser.add_argument("--only", default="", help="cases whose name begins so")
    parser.add_argument("--size", type=_size, default=(480, 640), metavar="HxW", help="of made cases")
    parser.add_argument("--alignment", choices=("peer", "true"), default="peer", help="of the plates that peers get")
    parser.add_argument("--seconds", action="store_true", help="align the second photos too")
    parser.add_argument("--ours", action="store_true", help="only toprung")
    parser.add_argument("--skip", nargs="*", default=[], help="methods to leave out, toprung or peers")
    parser.add_argument("--megapixels", type=float, default=24.0, help="of the memory table")
    parser.add_argument("--save", type=Path, help="write every figure here, one JSON object a line")
    parser.add_argument("--pictures", type=Path, help="save photo, truth, alpha and error of each case here")
    options = parser.parse_args()
    import cv2

    cv2.setNumThreads(1)
    cv2.setRNGSeed(0)
    importlib.import_module(f"benchmarks.cutout_tables.{options.table}").run(options)


def _size(text: str) -> tuple[int, int]:
    height, width = text.lower().split("x")
    return int(height), int(width)


if __name__ == "__main__":
    main()
