"""How much of a hole's error one dab of the brush removes, without a plate and with the aligned one.

In each made-up case of the group "holes", up to two holes are filled by hand, and a dab for the background is set where
the hole is widest.

    python -m benchmarks.cutout_retouch --cases 24
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.cutout_cases import GROUNDS, make_case
from toprung.cutting.align.align import align
from toprung.cutting.plate_background import plate_background
from toprung.cutting.review.retouch import retouch
from toprung.cutting.review.strokes import Stroke, paint
from toprung.cutting.scene import Alpha, Scene

_SMALLEST = 60  # pixels of a hole
_FIRST = 1000  # seed


def main() -> None:
    """Print a line for each ground, without and with the plate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=24)
    count = parser.parse_args().cases
    for ground in GROUNDS:
        left: dict[str, list[float]] = {"without plate": [], "with plate": []}
        for index in range(count):
            case = make_case(_FIRST + index, "holes", ground, objects="test" if index % 2 else "train")
            rgb = case.photo.astype(np.float32) / 255
            aligned = align(case.plate.astype(np.float32) / 255, rgb)
            scenes = {"without plate": Scene(rgb)}
            if aligned.ok:
                scenes["with plate"] = Scene(rgb, plate_background(rgb, aligned))
            for hole in _holes(case.alpha):
                for name, scene in scenes.items():
                    left[name].append(_error_left(scene, case.alpha, hole))
        for name, shares in left.items():
            told = f"{np.mean(np.less(shares, 0.1)):.0%} under a tenth, median {np.median(shares):.1%} left"
            print(
                f"{ground}, {name}: {len(shares)} holes, {told}, {np.mean(np.greater(shares, 1)):.0%} worse than before"
            )


def _holes(alpha: Alpha) -> Iterator[NDArray[np.uint8]]:
    """Give the first two holes that do not reach the picture's border."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((alpha < 0.5).astype(np.uint8), connectivity=4)
    outside = set(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]).tolist())
    closed = [one for one in range(1, count) if one not in outside and stats[one, cv2.CC_STAT_AREA] > _SMALLEST]
    yield from ((labels == one).astype(np.uint8) for one in closed[:2])


def _error_left(scene: Scene, truth: Alpha, hole: NDArray[np.uint8]) -> float:
    filled = np.where(cv2.dilate(hole, np.ones((7, 7), np.uint8)) > 0, 1, truth).astype(np.float32)
    depth = cv2.distanceTransform(hole, cv2.DIST_L2, 5)
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    dab = Stroke("background", float(np.clip(depth.max() / 2, 1.5, 6)), ((float(column), float(row)),))
    mended = retouch(scene, filled, *paint([dab], truth.shape[::-1]))
    return float(np.abs(mended - truth).sum() / np.abs(filled - truth).sum())


if __name__ == "__main__":
    main()
