"""Which files are the same picture: byte for byte, or to the eye."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toprung.data.clusters import Clusters
from toprung.data.hamming import bits_set
from toprung.data.looks import Look
from toprung.data.near import look_alikes
from toprung.data.scan import PictureFacts

ALONE = -1


def duplicate_clusters(facts: Sequence[PictureFacts]) -> NDArray[np.int64]:
    """Return which pictures are the same, exact and near duplicates together.

    Flat pictures are the same only when their files are. Which pictures come together depends on their contents alone,
    not on names or order.

    Args:
        facts: of readable pictures.

    Returns:
        ``(N,)`` cluster numbers from 0 on, in order of first appearance; -1 for a picture that is like no other.
    """
    clusters = Clusters(len(facts))
    clusters.join_equal((one.hash for one in facts), alone="")
    first_of_content = {one.hash: row for row, one in reversed(list(enumerate(facts))) if one.hash}
    looks = [(row, look) for _, row in sorted(first_of_content.items()) if (look := facts[row].look) is not None]
    for alike in look_alikes([look for _, look in looks]):
        rows = [looks[index][0] for index in alike]
        for row in rows[1:]:
            clusters.join(rows[0], row)
    numbers = np.full(len(facts), ALONE, dtype=np.int64)
    for number, members in enumerate(members for members in clusters.lists() if len(members) > 1):
        numbers[members] = number
    return numbers


def rows_by_cluster(numbers: NDArray[np.int64]) -> list[list[int]]:
    """Return the rows of each cluster, sorted, cluster 0 first."""
    rows: list[list[int]] = [[] for _ in range(int(numbers.max(initial=ALONE)) + 1)]
    for row, number in enumerate(numbers):
        if number != ALONE:
            rows[number].append(row)
    return rows


def spread(looks: Sequence[Look]) -> int:
    """Return in how many bits the hashes of the two most different looks differ."""
    hashes = np.array(sorted({look.hash for look in looks}), dtype=np.uint64)
    return max((int(bits_set(hashes ^ one).max()) for one in hashes), default=0)
