"""The ways to choose shares: how much each parent counts. A new way is a class with ``@register`` above it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

from toprung.errors import RecipeError, nearest


class Judgement(NamedTuple):
    """How good some weights are on the selection pictures: accuracy in [0, 1], log-loss in nats."""

    accuracy: float
    log_loss: float


Judge = Callable[[Sequence[float]], Judgement]
"""Shares of the parents -> how good their weighted mean is; a share of 1 asks for the parent itself."""


@dataclass(frozen=True)
class Step:
    """One mean that was tried on the selection pictures.

    Attributes:
        what: in a few words.
        shares: of each parent.
        judgement: what came of it.
        kept: whether it became, or went into, the result.
    """

    what: str
    shares: tuple[float, ...]
    judgement: Judgement
    kept: bool


@dataclass(frozen=True)
class Choice:
    """What a method decided.

    Attributes:
        shares: of each parent, adding up to 1.
        steps: what was tried, in order; empty where nothing had to be.
    """

    shares: tuple[float, ...]
    steps: tuple[Step, ...] = field(default=())


class Method(Protocol):
    """A way to choose shares; its fields are its options on the command line."""

    NAME: ClassVar[str]

    @property
    def selects(self) -> bool:
        """Whether it needs labelled pictures to choose on."""

    def choose(self, names: Sequence[str], judge: Judge) -> Choice:
        """Return the shares of the parents of these names."""


_METHODS: dict[str, type[Any]] = {}


def register(method: type[Any]) -> type[Any]:
    """Add a method under its name."""
    _METHODS[method.NAME] = method
    return method


def method_names() -> list[str]:
    """Return the names of all methods."""
    return list(_METHODS)


def make_method(name: str, **options: Any) -> Method:
    """Return a method with its options; an option that is ``None`` keeps its default.

    Raises:
        RecipeError: no such method, or an option of another one.
    """
    if name not in _METHODS:
        raise RecipeError(
            f"there is no averaging method {name!r}.{nearest(name, _METHODS)} Known: {', '.join(_METHODS)}."
        )
    given = {key: value for key, value in options.items() if value is not None}
    for key, value in given.items():
        owners = [other for other, kind in _METHODS.items() if key in _options(kind)]
        if name not in owners:
            raise RecipeError(f"{key} = {value!r} is not for {name} but for {', '.join(owners)}; leave it out.")
    method: Method = _METHODS[name](**given)
    return method


def _options(kind: type[Any]) -> set[str]:
    return {one.name for one in dataclasses.fields(kind)}


@register
@dataclass(frozen=True)
class Uniform:
    """All count alike: a uniform soup (Wortsman et al. 2022, arXiv 2203.05482), or SWA of epochs."""

    NAME: ClassVar[str] = "uniform"
    selects: ClassVar[bool] = False

    def choose(self, names: Sequence[str], judge: Judge) -> Choice:
        """Return equal shares."""
        return Choice((1 / len(names),) * len(names))


@register
@dataclass(frozen=True)
class Weighted:
    """Shares in proportion to given weights.

    Attributes:
        weights: one for each parent, 0 or more.
    """

    NAME: ClassVar[str] = "weighted"
    selects: ClassVar[bool] = False
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not all(math.isfinite(weight) and weight >= 0 for weight in self.weights):
            raise RecipeError(f"weights = {_listed(self.weights)} holds one that is not 0 or more.")

    def choose(self, names: Sequence[str], judge: Judge) -> Choice:
        """Return the weights divided by their sum."""
        if len(self.weights) != len(names):
            raise RecipeError(
                f"weights = {_listed(self.weights)} are {len(self.weights)} for {len(names)} models; give one for each."
            )
        return Choice(_normalised(self.weights))


@register
@dataclass(frozen=True)
class Exponential:
    """Later ones count more: shares in proportion to ``decay ** (n - 1 - i)``, an EMA of checkpoints without its bias.

    Attributes:
        decay: in (0, 1); the share of each divided by that of the next.
    """

    NAME: ClassVar[str] = "exponential"
    selects: ClassVar[bool] = False
    decay: float = 0.9

    def __post_init__(self) -> None:
        if not 0 < self.decay < 1:
            raise RecipeError(f"decay = {self.decay} must lie between 0 and 1.")

    def choose(self, names: Sequence[str], judge: Judge) -> Choice:
        """Return shares that grow to the last."""
        return Choice(_normalised([self.decay ** (len(names) - 1 - place) for place in range(len(names))]))


@register
@dataclass(frozen=True)
class Greedy:
    """A greedy soup: from the best parent on, in order of accuracy, each is added where the mean gets strictly better.

    Source: Wortsman et al. 2022, "Model soups" (arXiv 2203.05482), recipe 1, which also keeps one that changes nothing.
    """

    NAME: ClassVar[str] = "greedy"
    selects: ClassVar[bool] = True

    def choose(self, names: Sequence[str], judge: Judge) -> Choice:
        """Return equal shares of the parents kept, 0 of the others."""
        count = len(names)
        alone = [judge(_even([place], count)) for place in range(count)]
        order = sorted(range(count), key=lambda place: (-alone[place].accuracy, alone[place].log_loss, place))
        kept, best = [order[0]], alone[order[0]]
        steps = [Step(f"{names[order[0]]} alone", _even(kept, count), best, True)]
        for place in order[1:]:
            shares = _even([*kept, place], count)
            found = judge(shares)
            better = found.accuracy > best.accuracy
            steps.append(Step(f"with {names[place]}", shares, found, better))
            if better:
                kept, best = [*kept, place], found
        return Choice(_even(kept, count), tuple(steps))


@register
@dataclass(frozen=True)
class Interpolate:
    """On the line from the first model to the second: ``(1 - at) first + at second``; of several places the best.

    Of equal accuracies the lower log-loss wins, then the place nearest to the first.

    Attributes:
        at: places in [0, 1].

    Source: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (WiSE-FT, arXiv 2109.01903), equation 1.
    """

    NAME: ClassVar[str] = "interpolate"
    at: tuple[float, ...] = tuple(tenth / 10 for tenth in range(11))

    def __post_init__(self) -> None:
        if not self.at or not all(0 <= place <= 1 for place in self.at):
            raise RecipeError(f"at = {_listed(self.at)} must be places between 0 (the first) and 1 (the second).")

    @property
    def selects(self) -> bool:
        """Whether there is something to choose."""
        return len(self.at) > 1

    def choose(self, names: Sequence[str], judge: Judge) -> Choice:
        """Return the shares of the best place."""
        if len(names) != 2:
            raise RecipeError(f"interpolate goes from one model to another, and {len(names)} are given; give two.")
        if not self.selects:
            return Choice((1 - self.at[0], self.at[0]))
        places = sorted(set(self.at))
        curve = [(place, judge((1 - place, place))) for place in places]
        best, _ = min(curve, key=lambda point: (-point[1].accuracy, point[1].log_loss, point[0]))
        steps = tuple(Step(f"at {place:g}", (1 - place, place), found, place == best) for place, found in curve)
        return Choice((1 - best, best), steps)


def _even(kept: Sequence[int], count: int) -> tuple[float, ...]:
    return tuple(1 / len(kept) if place in kept else 0.0 for place in range(count))


def _normalised(weights: Sequence[float]) -> tuple[float, ...]:
    total = math.fsum(weights)
    if not 0 < total < math.inf:
        raise RecipeError(f"weights = {_listed(weights)} must not all be 0; give one above 0.")
    return tuple(weight / total for weight in weights)


def _listed(values: Sequence[float]) -> str:
    return ",".join(f"{value:g}" for value in values) or "none"
