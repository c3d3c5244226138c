"""Cases from public-domain artwork over papers and photographs, to measure with; ``make`` makes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.cutout_cases import Case


def load(folder: Path) -> Case:
    """Load one case that ``benchmarks.cutout_artwork.make`` saved."""
    import cv2

    def picture(name: str) -> np.ndarray:
        return np.ascontiguousarray(cv2.imread(str(folder / f"{name}.png"), cv2.IMREAD_UNCHANGED)[..., ::-1])

    facts = json.loads((folder / "case.json").read_text())
    alpha = cv2.imread(str(folder / "alpha.png"), cv2.IMREAD_UNCHANGED).astype(np.float32) / 65535
    return Case(
        name=folder.name,
        group=facts["group"],
        ground=facts["ground"],
        photo=picture("photo"),
        plate=picture("plate"),
        second=picture("second"),
        second_plate=picture("second_plate"),
        alpha=alpha,
        foreground=picture("foreground").astype(np.float32) / 65535,
        matrix=np.array(facts["matrix"]),
        second_matrix=np.array(facts["second_matrix"]),
        shift=np.eye(3),
        encoding=facts["encoding"],
    )


def load_all(root: Path) -> Iterator[Case]:
    """Load every case of a folder, one at a time, by name."""
    for folder in sorted(path.parent for path in root.glob("*/case.json")):
        yield load(folder)
