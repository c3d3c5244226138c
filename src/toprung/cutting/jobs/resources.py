"""How many photos at a time this machine can cut out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from toprung.images.files import upright_size

BYTES_PER_PIXEL = 200  # of one cutout with a plate at its peak; 186 were measured at 8 megapixels
BYTES_PER_WORKER = 300_000_000  # libraries
_SHARE = 0.8  # of the free memory
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def workers_for(pixels: int, photos: int, *, cores: int, free: int) -> int:
    """Return how many processes fit, at least one.

    Args:
        pixels: of the largest photo.
        photos: how many there are.
        cores: of the machine.
        free: bytes of memory.
    """
    need = BYTES_PER_WORKER + BYTES_PER_PIXEL * pixels
    return max(1, min(cores, photos, int(free * _SHARE) // need))


def usable_cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_memory() -> int:
    """Return bytes that can be had without swapping, within the limit of a container."""
    import psutil

    free = int(psutil.virtual_memory().available)
    for limit, used in _CGROUPS:
        with contextlib.suppress(OSError, ValueError):  # no such group, or its limit is the word "max"
            free = min(free, int(Path(limit).read_text()) - int(Path(used).read_text()))
    return free


def most_pixels(paths: Iterable[Path]) -> int:
    """Return the pixels of the largest picture, by the headers; unreadable ones count as 0."""
    return max((_pixels(path) for path in paths), default=0)


def _pixels(path: Path) -> int:
    from PIL import Image

    with contextlib.suppress(Exception), Image.open(path) as image:  # what is wrong with it is said when it is opened
        width, height = upright_size(image)
        return width * height
    return 0
