"""Keep freed memory in the process, or return it.

A decoder that asks for 36 MB per photo otherwise gets fresh pages each time; who reads one large file after another
otherwise holds the room of several.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
REUSED_BYTES = 32 * 1024 * 1024  # the largest that glibc allows on 64 bits
TRIM_BYTES = 512 * 1024 * 1024
RETURNED_BYTES = 1024 * 1024


@functools.cache
def raise_malloc_thresholds() -> bool:
    """Let glibc reuse blocks of up to 32 MB instead of returning them to the system; once per process.

    Returns:
        Whether it was done; ``False`` off Linux and with another C library, where nothing changes.

    Source:
        mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD.
    """
    return _set_thresholds(REUSED_BYTES, TRIM_BYTES)


def return_large_blocks() -> bool:
    """Let glibc return each block of 1 MB or more to the system when it is freed.

    Costs page faults and leaves no holes. For gradient checkpointing: its many short-lived blocks leave so many holes
    that three quarters of what it saves was lost to them (ViT-Ti, 32 pictures, see docs/memory.md).

    Returns:
        As :func:`raise_malloc_thresholds`.
    """
    raise_malloc_thresholds.cache_clear()  # so that a later call sets its own again
    return _set_thresholds(RETURNED_BYTES, RETURNED_BYTES)


def return_freed_memory() -> None:
    """Have glibc return what is free to the system, once; nothing happens with another C library.

    Source:
        malloc_trim(3).
    """
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def _set_thresholds(mapped: int, trimmed: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
        ctypes.CDLL(None).gnu_get_libc_version  # noqa: B018 - musl has mallopt's name but not its effect
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, mapped) and mallopt(_M_TRIM_THRESHOLD, trimmed))
