"""Pictures that look the same: hashes find the candidates, thumbnails confirm them, and chains are kept short."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toprung.data.clusters import Clusters
from toprung.data.hamming import Hashes, bits_set, close_pairs
from toprung.data.looks import Look, as_array

# A JPEG of quality 30, a copy at a quarter of the size, and noise of 8 levels change at most 4 bits of 19 pictures in
# 20 (400 photo crops and drawings). Different drawings of one artist (smileys, road signs, clocks) begin at 4 to 6.
RADIUS = 4
# Greatest difference in any of 8 x 8 cells: Y, Cb, Cr, levels of 255. A JPEG of quality 30 makes up to 9, a tenth more
# brightness 24, a fifth more contrast 30. A hash sees brightness only, so without this a red and a green telephone sign
# are one picture. Different drawings with close hashes mostly differ by 40 and more in some cell.
TOLERANCE = np.array([32, 24, 24], dtype=np.int16)
_AT_ONCE = 1 << 15  # pairs of thumbnails compared at once, 25 MB

Thumbnails = NDArray[np.int16]


def look_alikes(looks: Sequence[Look]) -> list[list[int]]:
    """Return the clusters of two or more pictures that look the same.

    Two pictures look the same when their hashes differ in at most ``RADIUS`` bits and their thumbnails by at
    most ``TOLERANCE`` in every cell. Clusters grow from the closest pairs on; two of them are joined as long as no
    two pictures in the result are more than twice as far apart. So the frames of a slow pan become some
    short clusters, not one that spans the film. Pictures of equal hash that look the same are taken as one.

    Args:
        looks: one per picture. Ties are broken by position, so an order that does not depend on names or places,
            such as that of content hashes, gives clusters that do not either.

    Returns:
        Sorted indices, the clusters sorted by their first.
    """
    if not looks:
        return []
    hashes = np.array([look.hash for look in looks], dtype=np.uint64)
    thumbnails = as_array([look.thumbnail for look in looks])
    kinds = _kinds(hashes, thumbnails)
    leaders = np.array([kind[0] for kind in kinds])
    hashes, thumbnails = hashes[leaders], thumbnails[leaders]
    first, second, distance = close_pairs(hashes, RADIUS)
    same = _same(thumbnails, first, second)
    first, second, distance = first[same], second[same], distance[same]
    clusters = _ShortClusters(hashes, thumbnails)
    for pair in np.lexsort((second, first, distance)):
        clusters.join(int(first[pair]), int(second[pair]))
    members = [sorted(row for kind in cluster for row in kinds[kind]) for cluster in clusters.lists()]
    return sorted(rows for rows in members if len(rows) > 1)


def _kinds(hashes: Hashes, thumbnails: Thumbnails) -> list[list[int]]:
    """Return rows of equal hash that look like the first of them; each row in one list, the lists sorted."""
    order = np.argsort(hashes, kind="stable")
    starts = np.flatnonzero(np.diff(hashes[order], prepend=~hashes[order[0]]))
    kinds: list[list[int]] = []
    for rows in np.split(order, starts[1:]):
        left = rows
        while left.size:
            like = (np.abs(thumbnails[left] - thumbnails[left[0]]) <= TOLERANCE).all(axis=(1, 2))
            kinds.append(left[like].tolist())
            left = left[~like]
    return sorted(kinds)


def _same(thumbnails: Thumbnails, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return for each pair whether its thumbnails look the same."""
    same = np.empty(len(first), dtype=np.bool_)
    for start in range(0, len(first), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        difference = np.abs(thumbnails[first[part]] - thumbnails[second[part]])
        same[part] = (difference <= TOLERANCE).all(axis=(1, 2))
    return same


class _ShortClusters:
    """Clusters in which no two members are more than 2 ``RADIUS`` and 2 ``TOLERANCE`` apart."""

    def __init__(self, hashes: Hashes, thumbnails: Thumbnails) -> None:
        self._clusters = Clusters(len(hashes))
        self._hashes = {root: hashes[root : root + 1] for root in range(len(hashes))}
        self._darkest = dict(enumerate(thumbnails))  # per cell and channel, over the cluster's members
        self._lightest = dict(enumerate(thumbnails))
        self._apart: dict[int, set[int]] = defaultdict(set)  # roots of clusters that cannot be joined, ever

    def join(self, one: int, other: int) -> None:
        """Join the clusters of two elements if the result stays short."""
        root, gone = sorted((self._clusters.root(one), self._clusters.root(other)))
        if root == gone or gone in self._apart[root]:
            return
        if self._fit(root, gone):
            self._merge(root, gone)
        else:
            self._apart[root].add(gone)
            self._apart[gone].add(root)

    def lists(self) -> list[list[int]]:
        """Return the clusters."""
        return self._clusters.lists()

    def _fit(self, one: int, other: int) -> bool:
        darkest = np.minimum(self._darkest[one], self._darkest[other])
        lightest = np.maximum(self._lightest[one], self._lightest[other])
        if (lightest - darkest > 2 * TOLERANCE).any():
            return False
        few, many = sorted((self._hashes[one], self._hashes[other]), key=len)
        return all(bool((bits_set(many ^ single) <= 2 * RADIUS).all()) for single in few)

    def _merge(self, root: int, gone: int) -> None:
        self._clusters.join(root, gone)
        self._hashes[root] = np.concatenate((self._hashes[root], self._hashes.pop(gone)))
        self._darkest[root] = np.minimum(self._darkest[root], self._darkest.pop(gone))
        self._lightest[root] = np.maximum(self._lightest[root], self._lightest.pop(gone))
        for other in self._apart.pop(gone, set()):
            self._apart[other].discard(gone)
            self._apart[other].add(root)
            self._apart[root].add(other)
