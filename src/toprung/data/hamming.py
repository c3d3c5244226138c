"""All pairs of 64-bit hashes that differ in few bits, found without comparing each with each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 64
Hashes = NDArray[np.uint64]
Rows = NDArray[np.int64]


def close_pairs(hashes: Hashes, radius: int) -> tuple[Rows, Rows, NDArray[np.uint8]]:
    """Return every pair whose hashes differ in at most ``radius`` bits.

    The bits are dealt out to ``radius + 1`` blocks. Two hashes that differ in ``radius`` bits agree in at
    least one block, so only hashes that agree in a block are compared. No pair is missed, and memory grows
    with the number of pairs found, not with that of pairs compared.

    Args:
        hashes: ``(N,)`` uint64; equal ones are pairs too.
        radius: 0 to 63.

    Returns:
        First and second index of each pair, first < second, sorted; and in how many bits they differ.

    Source:
        Norouzi, Punjani, Fleet 2012, "Fast search in Hamming space with multi-index hashing".
    """
    masks = [_block(number, radius + 1) for number in range(radius + 1)]
    firsts, seconds, distances = [], [], []
    for number, mask in enumerate(masks):
        order = np.argsort(hashes & mask, kind="stable").astype(np.int64)
        ordered = hashes[order]
        until = _ends_of_runs(ordered & mask) - np.arange(len(ordered))  # how many stand after each in its run
        left = np.flatnonzero(until > 1)
        step = 1
        while left.size:
            different = ordered[left] ^ ordered[left + step]
            distance = bits_set(different)
            keep = distance <= radius
            for earlier in masks[:number]:  # a pair counts in the first block in which it agrees
                keep &= (different & earlier) != 0
            found = left[keep]
            one, other = order[found], order[found + step]
            firsts.append(np.minimum(one, other))
            seconds.append(np.maximum(one, other))
            distances.append(distance[keep])
            step += 1
            left = left[until[left] > step]
    first, second = _joined(firsts, np.int64), _joined(seconds, np.int64)
    order = np.lexsort((second, first))
    return first[order], second[order], _joined(distances, np.uint8)[order]


def bits_set(values: Hashes) -> NDArray[np.uint8]:
    """Return how many bits of each value are 1.

    Source:
        Warren 2012, "Hacker's Delight", 5-1: sums of 2, 4, 8 neighbouring bits at once.
    """
    twos, fours, eights = (np.uint64(mask) for mask in (0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F))
    counts = values - ((values >> np.uint64(1)) & twos)
    counts = (counts & fours) + ((counts >> np.uint64(2)) & fours)
    counts = (counts + (counts >> np.uint64(4))) & eights
    with np.errstate(over="ignore"):  # the sum of the bytes ends up in the highest one
        return ((counts * np.uint64(0x0101010101010101)) >> np.uint64(56)).astype(np.uint8)


def _block(number: int, blocks: int) -> np.uint64:
    """Return the mask of every ``blocks``-th bit: neighbours are alike, so contiguous blocks would be lopsided."""
    return np.uint64(sum(1 << bit for bit in range(number, BITS, blocks)))


def _ends_of_runs(ordered: Hashes) -> Rows:
    """Return for each element of a sorted array where its run of equal elements ends."""
    return np.searchsorted(ordered, ordered, side="right").astype(np.int64)


def _joined(parts: list[NDArray], dtype: type[np.generic]) -> NDArray:
    return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)
