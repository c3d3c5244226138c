"""How much memory glibc's malloc takes from the system for a sequence of blocks.

A step on a CPU needs more than the tensors that are alive at once: freed blocks leave holes, and a large tensor fits
into few of them. On ViT, Swin and ResNet the holes came to between 10 and 40 % of the live tensors.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable

_PAGE = 4096
_HEADER = 16
_ALIGNMENT = 64  # torch asks posix_memalign for it, and glibc searches a hole that is larger by it
_LEAST = 32  # glibc's smallest block


class GlibcHeap:
    """Blocks in one growing heap by best fit, neighbours joined when they are free; large blocks mapped one by one.

    Args:
        map_from: blocks of so many bytes are mapped and go back to the system when freed (``M_MMAP_THRESHOLD``).
        trim_at: free bytes at the heap's end that go back to the system (``M_TRIM_THRESHOLD``).

    Attributes:
        peak: the most bytes taken from the system at once.

    Source:
        glibc's malloc/malloc.c: ``_int_malloc`` (best fit over the unsorted and large bins), ``_int_free``
        (coalescing), ``_int_memalign``, ``sysmalloc`` (mmap).
    """

    def __init__(self, *, map_from: int, trim_at: int) -> None:
        self._map_from, self._trim_at = map_from, trim_at
        self._end = self._resident = self._mapped = self.peak = 0
        self._sizes: list[tuple[int, int]] = []  # (size, start) of holes, sorted
        self._size_at: dict[int, int] = {}  # start of a hole -> size
        self._start_of: dict[int, int] = {}  # end of a hole -> start

    def allocate(self, size: int) -> Callable[[], None]:
        """Give out ``size`` bytes; what is returned takes them back, once."""
        if size >= self._map_from:
            return self._map(-(-(size + _HEADER) // _PAGE) * _PAGE)
        taken = -(-size // _HEADER) * _HEADER + _HEADER + _LEAST
        start = self._place(taken)
        self.peak = max(self.peak, self._resident + self._mapped)
        return lambda: self._free(start, taken)

    def _map(self, taken: int) -> Callable[[], None]:
        self._mapped += taken
        self.peak = max(self.peak, self._resident + self._mapped)

        def give_back() -> None:
            self._mapped -= taken

        return give_back

    def _place(self, taken: int) -> int:
        index = bisect.bisect_left(self._sizes, (taken + _ALIGNMENT, 0))
        if index < len(self._sizes):
            size, start = self._sizes[index]
            self._remove_hole(start, size)
            self._add_hole(start + taken, size - taken)
            return start
        start = self._end
        self._end += taken
        self._resident = max(self._resident, self._end)
        return start

    def _free(self, start: int, size: int) -> None:
        before, after = self._start_of.get(start), start + size
        if before is not None:
            self._remove_hole(before, start - before)
            size += start - before
            start = before
        if after in self._size_at:
            following = self._size_at[after]
            self._remove_hole(after, following)
            size += following
        if start + size < self._end:
            self._add_hole(start, size)
            return
        self._end = start
        if self._resident - self._end > self._trim_at:
            self._resident = self._end

    def _add_hole(self, start: int, size: int) -> None:
        bisect.insort(self._sizes, (size, start))
        self._size_at[start], self._start_of[start + size] = size, start

    def _remove_hole(self, start: int, size: int) -> None:
        del self._sizes[bisect.bisect_left(self._sizes, (size, start))]
        del self._size_at[start], self._start_of[start + size]
