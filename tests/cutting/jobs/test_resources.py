from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toprung.cutting.jobs.resources import free_memory, most_pixels, usable_cores, workers_for

GIB = 2**30


@pytest.mark.parametrize(
    ("pixels", "photos", "cores", "free", "workers"),
    [
        (0, 10_000, 16, 64 * GIB, 16),
        (0, 3, 16, 64 * GIB, 3),
        (24_000_000, 100, 16, 64 * GIB, 10),
        (24_000_000, 100, 2, 8 * GIB, 1),
        (180_000_000, 100, 16, 8 * GIB, 1),
        (0, 1, 1, 0, 1),
    ],
)
def test_cores_photos_and_memory_limit_the_processes(
    pixels: int, photos: int, cores: int, free: int, workers: int
) -> None:
    assert workers_for(pixels, photos, cores=cores, free=free) == workers


def test_this_machine_has_some() -> None:
    assert usable_cores() >= 1
    assert free_memory() > 10_000_000


def test_the_largest_picture_is_told_by_headers(tmp_path: Path) -> None:
    for name, side in (("a.png", 5), ("b.jpg", 30)):
        Image.fromarray(np.zeros((side, 2 * side, 3), np.uint8)).save(tmp_path / name)
    (tmp_path / "c.png").write_text("no picture")
    assert most_pixels(tmp_path / name for name in ("a.png", "b.jpg", "c.png", "d.png")) == 1800
    assert most_pixels([]) == 0
