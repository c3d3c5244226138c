"""Properties that every heap has, and the thresholds of mallopt(3)."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from toprung.training.glibc_heap import GlibcHeap

MIB = 1024**2


def test_a_block_that_is_freed_is_given_out_again() -> None:
    heap = GlibcHeap(map_from=32 * MIB, trim_at=512 * MIB)
    for _ in range(10):
        heap.allocate(5 * MIB)()
    assert 5 * MIB <= heap.peak < 5.1 * MIB


def test_a_hole_is_lost_for_a_larger_block_when_its_neighbours_live() -> None:
    heap = GlibcHeap(map_from=32 * MIB, trim_at=512 * MIB)
    heap.allocate(MIB)
    first = heap.allocate(5 * MIB)
    heap.allocate(MIB)
    first()
    heap.allocate(6 * MIB)
    assert heap.peak > 13 * MIB  # 8 are alive
    heap.allocate(4 * MIB)  # goes into the hole
    assert heap.peak < 13.1 * MIB


def test_neighbouring_holes_become_one() -> None:
    heap = GlibcHeap(map_from=32 * MIB, trim_at=512 * MIB)
    one, two = heap.allocate(3 * MIB), heap.allocate(3 * MIB)
    heap.allocate(MIB)
    two()
    one()
    heap.allocate(5 * MIB)
    assert heap.peak < 7.1 * MIB


def test_large_blocks_leave_no_hole() -> None:
    heap = GlibcHeap(map_from=MIB, trim_at=MIB)
    first = heap.allocate(5 * MIB)
    heap.allocate(5 * MIB)
    first()
    heap.allocate(6 * MIB)
    assert heap.peak < 11.1 * MIB


@given(st.lists(st.tuples(st.integers(1, 3 * MIB), st.booleans(), st.integers(0, 10**6)), max_size=60))
def test_the_heap_never_holds_less_than_what_lives_nor_more_than_all_that_was_asked(
    steps: list[tuple[int, bool, int]],
) -> None:
    heap = GlibcHeap(map_from=2 * MIB, trim_at=4 * MIB)
    blocks: list[tuple[int, Callable[[], None]]] = []
    peak = asked = 0
    for size, frees, which in steps:
        blocks.append((size, heap.allocate(size)))
        asked += size + 4096 + 16
        peak = max(peak, sum(size for size, _ in blocks))
        assert peak <= heap.peak <= asked
        if frees:
            blocks.pop(which % len(blocks))[1]()
    for _, free in blocks:
        free()
    heap.allocate(1)
    assert heap.peak <= asked + 4112
