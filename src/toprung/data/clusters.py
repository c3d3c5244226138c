"""Union-find: what belongs together, when pairs are known."""

from __future__ import annotations

from collections.abc import Iterable


class Clusters:
    """Elements 0 … count-1 in disjoint clusters, at first each alone.

    Source:
        Tarjan & van Leeuwen 1984, "Worst-case analysis of set union algorithms": path halving; the least
        element is the root, so that clusters do not depend on the order in which pairs come.
    """

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def root(self, element: int) -> int:
        """Return the least element of the cluster that ``element`` is in."""
        parent = self._parent
        while parent[element] != element:
            parent[element] = parent[parent[element]]
            element = parent[element]
        return element

    def join(self, one: int, other: int) -> None:
        """Make one cluster of the clusters of two elements."""
        first, second = self.root(one), self.root(other)
        self._parent[max(first, second)] = min(first, second)

    def join_equal(self, keys: Iterable[object], alone: object) -> None:
        """Join elements with equal keys; ``keys[i]`` belongs to element i, and the key ``alone`` joins none."""
        first: dict[object, int] = {}
        for element, key in enumerate(keys):
            if key != alone:
                self.join(first.setdefault(key, element), element)

    def lists(self) -> list[list[int]]:
        """Return the clusters, each sorted, ordered by their least elements."""
        members: dict[int, list[int]] = {}
        for element in range(len(self._parent)):
            members.setdefault(self.root(element), []).append(element)
        return list(members.values())
