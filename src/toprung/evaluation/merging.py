"""What is said of parts of a picture -> what is said of the picture. Each way to merge is a function here.

Legend: T tiles, C classes. All probabilities are float64, rows sum to 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from toprung.errors import RecipeError, nearest

Shares = NDArray[np.float64]
Merge = Callable[[Shares, Shares], Shares]
"""``(T, C)`` probabilities of tiles and ``(T,)`` shares of the picture that each stands for -> ``(C,)``."""

LEAST = 1e-30  # a probability of 0 has no logarithm

_MERGES: dict[str, Merge] = {}


def register(name: str) -> Callable[[Merge], Merge]:
    """Make a way to merge known by a name."""

    def keep(merge: Merge) -> Merge:
        _MERGES[name] = merge
        return merge

    return keep


def merge_names() -> tuple[str, ...]:
    """Return the names of all ways to merge."""
    return tuple(_MERGES)


def merge_of(name: str) -> Merge:
    """Return a way to merge.

    Raises:
        RecipeError: there is none of that name.
    """
    if name not in _MERGES:
        known = ", ".join(_MERGES)
        raise RecipeError(f"tiles cannot be merged by {name!r}; there are {known}.{nearest(name, _MERGES, 1)}")
    return _MERGES[name]


def log_probabilities(shares: Shares) -> NDArray[np.float32]:
    """Return logits whose softmax gives the probabilities back: their logarithm, float32."""
    return np.log(np.maximum(shares, LEAST)).astype(np.float32)


@register("mean")
def mean(tiles: Shares, portions: Shares) -> Shares:
    """Weigh each tile by the share of the picture that it stands for: the mean of the heat map.

    ``p = sum_t w_t p_t`` with ``w_t`` from :func:`toprung.evaluation.blending.tile_portions`.
    """
    return portions @ tiles


@register("max")
def highest(tiles: Shares, portions: Shares) -> Shares:
    """Let each class have its surest tile: ``p_c = max_t p_tc / sum_c max_t p_tc``."""
    surest = tiles.max(axis=0)
    return surest / surest.sum()


@register("noisy-or")
def noisy_or(tiles: Shares, portions: Shares) -> Shares:
    """Ask for each class whether any tile shows it: ``q_c = 1 - prod_t (1 - p_tc)``, then ``p_c = q_c / sum_c q_c``.

    For few tiles: with many, small probabilities add up until every class is sure to be somewhere.

    Source: Pearl 1988, "Probabilistic reasoning in intelligent systems"; for bags of picture parts Zhang, Platt and
        Viola 2005, "Multiple instance boosting for object detection".
    """
    with np.errstate(divide="ignore"):  # a tile that is certain: log 0, and the class is certain too
        some = -np.expm1(np.log1p(-np.minimum(tiles, 1.0)).sum(axis=0))
    return some / some.sum()


@register("attention")
def attention(tiles: Shares, portions: Shares) -> Shares:
    """Let sure tiles count more: ``p = sum_t a_t p_t`` with ``a_t = exp(-H_t) / sum_s exp(-H_s)``.

    ``H_t = -sum_c p_tc log p_tc`` is the tile's entropy in nats, so a tile counts in inverse proportion to the number
    of classes that it is torn between: one that is certain C times as much as one that knows nothing.

    Source: the pooling is equation 7 of Ilse, Tomczak and Welling 2018, "Attention-based deep multiple instance
        learning" (arXiv 1802.04712); their weights are learnt, here minus the entropy stands in the place of the
        learnt score, so that nothing need be trained.
    """
    surprise = -(tiles * np.log(np.maximum(tiles, LEAST))).sum(axis=1)
    weights = np.exp(-surprise)
    return (weights / weights.sum()) @ tiles
