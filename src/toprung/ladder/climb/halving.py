"""Successive halving: train all candidates a little, keep the better share, train those for longer, and so on.

What a round trains is a whole short schedule, not the beginning of a long one: in the middle of a long schedule the
rate is still high, so that its scores order the candidates poorly; and a whole short run is a run like any other, that
can be looked at and need not be taken up again by the next round. The price is that a round starts anew.

Source: Karnin, Koren & Somekh 2013, "Almost optimal exploration in multi-armed bandits"; Jamieson & Talwalkar 2016,
    "Non-stochastic best arm identification and hyperparameter optimization".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toprung.errors import RecipeError
from toprung.evaluation.significance import binomial_p
from toprung.ladder.climb.attempts import Failure
from toprung.training.recipe import Recipe

ALPHA = 0.05


@dataclass(frozen=True)
class Candidate:
    """A recipe that may be worth training in full. ``name`` is part of the names of its runs."""

    name: str
    recipe: Recipe


@dataclass(frozen=True)
class Outcome:
    """How a candidate did on the selection split after a round.

    Attributes:
        right: ``(N,)`` bool, whether each picture was predicted right; pictures in the same order for all candidates.
        log_loss: mean negative log-likelihood in nats; decides between equal accuracies.
    """

    right: NDArray[np.bool_]
    log_loss: float

    @property
    def accuracy(self) -> float:
        """The share that is right, in [0, 1]."""
        return float(self.right.mean())


TrainFor = Callable[[Candidate, int, int], Outcome | Failure]
"""Train a candidate for so many epochs in a round (0-based); called again it gives the same answer."""

CostOf = Callable[[Candidate, int], float]
"""What it costs to train a candidate for so many epochs, in the unit of the budget."""


@dataclass(frozen=True)
class Standing:
    """Where a candidate ended.

    Attributes:
        candidate: the candidate.
        is_kept: it is to be trained in full.
        rounds: that it took part in.
        accuracy: on val after its last round; ``None`` where it failed.
        reason: why it was kept or dropped, one sentence.
    """

    candidate: Candidate
    is_kept: bool
    rounds: int
    accuracy: float | None
    reason: str


@dataclass(frozen=True)
class Ranking:
    """What halving found.

    Attributes:
        standings: the kept candidates, best first, then the dropped ones, the last dropped first.
        spent: cost of all rounds, in the unit of the budget.
    """

    standings: tuple[Standing, ...]
    spent: float

    @property
    def kept(self) -> tuple[Candidate, ...]:
        """The candidates to train in full, best first."""
        return tuple(one.candidate for one in self.standings if one.is_kept)


def halve(
    candidates: Sequence[Candidate],
    train_for: TrainFor,
    *,
    eta: int = 3,
    start_epochs: int = 1,
    full_epochs: int,
    survivors: int = 1,
    budget: float | None = None,
    cost_of: CostOf | None = None,
) -> Ranking:
    """Rank candidates by training fewer and fewer of them for longer and longer.

    Round ``r`` trains for ``start_epochs * eta**r`` epochs and keeps the best ``1/eta``, at least ``survivors``. A
    candidate below the cut that McNemar's exact test (5 %) cannot tell from the last one above it is kept as well, the
    better ones first, as long as the rest of the plan then stays within the budget. Rounds end when ``survivors`` are
    left, or when the next round would be as long as training in full: the cut is then made without regard to ties.

    Args:
        candidates: with different names.
        train_for: see :data:`TrainFor`.
        eta: 2 keeps more and costs more rounds, 3 is the usual choice.
        start_epochs: of the first round.
        full_epochs: of training in full, which is left to the caller.
        survivors: how many are wanted at the end.
        budget: of all rounds; ``None`` keeps every tie. The plan without ties is carried out in any case.
        cost_of: in the unit of the budget; epochs for ``None``.

    Raises:
        RecipeError: a number outside its range, or two candidates of one name.
    """
    _check(candidates, eta, start_epochs, survivors)
    halving = _Halving(eta, start_epochs, full_epochs, survivors, budget, cost_of or (lambda _, epochs: float(epochs)))
    alive, dropped, spent = list(candidates), list[Standing](), 0.0
    results: dict[str, Outcome] = {}
    round_ = 0
    while len(alive) > survivors and halving.epochs(round_) < full_epochs:
        spent += halving.cost(alive, round_)
        results, failed = {}, list[Standing]()
        for one in alive:
            outcome = train_for(one, halving.epochs(round_), round_)
            if isinstance(outcome, Failure):
                failed.append(Standing(one, False, round_ + 1, None, f"failed: {outcome.reason}"))
            else:
                results[one.name] = outcome
        alive = sorted((one for one in alive if one.name in results), key=lambda one: _order(results[one.name]))
        alive, cut = halving.cut(alive, results, round_, spent)
        dropped = [*cut, *failed, *dropped]
        round_ += 1
    kept = [Standing(one, True, round_, _accuracy(results.get(one.name)), _kept(len(alive), round_)) for one in alive]
    return Ranking((*kept, *dropped), spent)


def planned_cost(
    count: int, *, eta: int = 3, start_epochs: int = 1, full_epochs: int, survivors: int = 1, first: int = 0
) -> float:
    """Return the epochs that halving costs when no tie is kept: the sum over rounds of candidates times epochs.

    Args:
        count: candidates at the beginning of round ``first``.
        eta, start_epochs, full_epochs, survivors: as of :func:`halve`.
        first: the round to begin with.
    """
    total, round_ = 0.0, first
    while count > survivors and start_epochs * eta**round_ < full_epochs:
        total += count * start_epochs * eta**round_
        count = max(survivors, math.ceil(count / eta))
        round_ += 1
    return total


def _check(candidates: Sequence[Candidate], eta: int, start_epochs: int, survivors: int) -> None:
    names = [one.name for one in candidates]
    if eta < 2 or start_epochs < 1 or survivors < 1:
        raise RecipeError(
            f"halving needs eta of at least 2, and at least one epoch and one survivor; not {eta}, {start_epochs} and "
            f"{survivors}."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RecipeError(f"two candidates of the halving are called {twice[0]!r}; give them different names.")


@dataclass(frozen=True)
class _Halving:
    eta: int
    start_epochs: int
    full_epochs: int
    survivors: int
    budget: float | None
    cost_of: CostOf

    def epochs(self, round_: int) -> int:
        return self.start_epochs * self.eta**round_

    def cost(self, alive: Sequence[Candidate], round_: int) -> float:
        return sum(self.cost_of(one, self.epochs(round_)) for one in alive)

    def cut(
        self, alive: list[Candidate], results: dict[str, Outcome], round_: int, spent: float
    ) -> tuple[list[Candidate], list[Standing]]:
        """Return who goes on, and who does not and why; ``alive`` is sorted, best first."""
        count = max(self.survivors, math.ceil(len(alive) / self.eta))
        if count >= len(alive):
            return alive, []
        is_last = self.epochs(round_ + 1) >= self.full_epochs
        count = self.survivors if is_last else count
        kept, cut = alive[:count], list[Standing]()
        edge = kept[-1]
        for one in alive[count:]:
            own = results[one.name]
            p_value = _mcnemar(results[edge.name], own)
            worse = f"val accuracy {own.accuracy:.2%} against {results[edge.name].accuracy:.2%} of {edge.name}"
            if p_value <= ALPHA:
                reason = f"{worse} after {self.epochs(round_)} epochs (McNemar p = {p_value:.2g})."
            elif is_last:
                reason = f"{worse}; they cannot be told apart, but {self.survivors} go on to full training."
            elif not self._affords([*kept, one], round_ + 1, spent):
                reason = f"{worse}; they cannot be told apart, but the budget does not allow for both."
            else:
                kept.append(one)
                continue
            cut.append(Standing(one, False, round_ + 1, own.accuracy, reason))
        return kept, cut

    def _affords(self, alive: Sequence[Candidate], round_: int, spent: float) -> bool:
        """Say whether the rounds from this one on stay within the budget, if no further tie is kept."""
        if self.budget is None:
            return True
        left = list(alive)
        while len(left) > self.survivors and self.epochs(round_) < self.full_epochs:
            spent += self.cost(left, round_)
            left = left[: max(self.survivors, math.ceil(len(left) / self.eta))]
            round_ += 1
        return spent <= self.budget


def _mcnemar(first: Outcome, second: Outcome) -> float:
    return binomial_p(int((first.right & ~second.right).sum()), int((~first.right & second.right).sum()))


def _order(outcome: Outcome) -> tuple[float, float]:
    return (-outcome.accuracy, outcome.log_loss)


def _accuracy(outcome: Outcome | None) -> float | None:
    return None if outcome is None else outcome.accuracy


def _kept(count: int, rounds: int) -> str:
    if rounds == 0:
        return "there was nothing to choose among."
    return f"one of the {count} best after {rounds} rounds." if count > 1 else f"the best after {rounds} rounds."
