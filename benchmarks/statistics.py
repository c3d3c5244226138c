"""Every interval and test that toprung reports, by simulation: how often it holds the truth, how often it cries wolf.

    python -m benchmarks.statistics [--rounds 2000]

Each line is a promise, what was drawn, and what came of it. Draws are seeded.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from toprung.evaluation.abstention import threshold_for_precision
from toprung.evaluation.comparison.multiple import against_the_best
from toprung.evaluation.comparison.paired import compare_pair
from toprung.evaluation.comparison.power import smallest_paired_difference
from toprung.evaluation.comparison.proportions import fisher_p, paired_interval, unpaired_interval
from toprung.evaluation.comparison.seeds import compare_seeds
from toprung.evaluation.intervals import bootstrap, wilson
from toprung.evaluation.predictions import Predictions
from toprung.evaluation.significance import binomial_p

Row = tuple[str, str, str, float, int]
"""What, on what, what is promised, the share that came out, and of how many draws."""

Bools = NDArray[np.bool_]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000, help="draws of each line")
    rounds = parser.parse_args().rounds
    print(f"{'what':<44} {'drawn':<44} {'promised':>10} {'seen':>8}   ± (2 s.e.)")
    for check in CHECKS:
        for what, drawn, promised, share, count in check(rounds):
            error = 2 * math.sqrt(max(share * (1 - share), 1e-9) / count)
            print(f"{what:<44} {drawn:<44} {promised:>10} {share:>8.3f}   {error:.3f}", flush=True)


def wilson_coverage(rounds: int) -> Iterator[Row]:
    """Accuracy's own interval."""
    for share, pictures in ((0.5, 40), (0.9, 100), (0.98, 230), (0.98254, 1260)):
        draw = np.random.default_rng(0)
        right = draw.binomial(pictures, share, size=rounds)
        low, high = wilson(right, np.full(rounds, pictures))
        held = float(((low <= share) & (share <= high)).mean())
        yield "Wilson interval of accuracy", f"{share:.1%} of {pictures}", "0.95", held, rounds


def bootstrap_coverage(rounds: int) -> Iterator[Row]:
    """The interval of a mean loss."""
    draw = np.random.default_rng(1)
    some = min(rounds, 500)
    held = 0
    for seed in range(some):
        losses = draw.exponential(size=300)
        found = bootstrap({"mean": lambda w, v=losses: w @ v / w.sum(axis=1)}, 300, seed=seed)["mean"]
        held += found.low <= 1.0 <= found.high
    yield "bootstrap interval of log-loss", "exponential losses, 300 pictures", "0.95", held / some, some


def paired_coverage(rounds: int) -> Iterator[Row]:
    """Tango's interval."""
    for b, c, pictures in ((0.01, 0.01, 230), (0.05, 0.08, 230), (0.005, 0.006, 1260), (0.2, 0.2, 60)):
        draw = np.random.default_rng(2)
        counts = draw.multinomial(pictures, [b, c, 1 - b - c], size=rounds)
        truth, held = c - b, 0
        for first, second, _ in counts:
            low, high = paired_interval(int(first), int(second), pictures)
            held += low <= truth <= high
        yield (
            "score interval of a paired difference",
            f"{b:.1%} and {c:.1%} of {pictures}",
            "0.95",
            held / rounds,
            rounds,
        )


def unpaired_coverage(rounds: int) -> Iterator[Row]:
    """Newcombe's interval."""
    draw = np.random.default_rng(3)
    held = 0
    for first, second in zip(draw.binomial(200, 0.9, rounds), draw.binomial(300, 0.93, rounds), strict=True):
        low, high = unpaired_interval(int(first), 200, int(second), 300)
        held += low <= 0.03 <= high
    yield "interval of an unpaired difference", "90 % of 200 and 93 % of 300", "0.95", held / rounds, rounds


def paired_bootstrap_coverage(rounds: int) -> Iterator[Row]:
    """The bootstrap of paired differences, of all metrics."""
    some = min(rounds, 300)
    truth = _differences(*_models(np.random.default_rng(99), (1.0, 1.5), 400_000))
    held = dict.fromkeys(truth, 0)
    draw = np.random.default_rng(4)
    for _ in range(some):
        found = compare_pair(*_models(draw, (1.0, 1.5), 250))
        held["accuracy"] += found.bootstrap.low <= truth["accuracy"] <= found.bootstrap.high
        for name, one in found.metrics.items():
            held[name] += one.low <= truth[name] <= one.high
    for name, count in held.items():
        yield f"paired bootstrap of {name}", "two models, 250 pictures, 4 classes", "0.95", count / some, some


def mcnemar_false(rounds: int) -> Iterator[Row]:
    """Equal models told apart."""
    draw = np.random.default_rng(5)
    for discordance, pictures in ((0.05, 230), (0.2, 1873)):
        counts = draw.multinomial(pictures, [discordance / 2, discordance / 2, 1 - discordance], size=rounds)
        false = sum(binomial_p(int(b), int(c)) < 0.05 for b, c, _ in counts)
        yield (
            "McNemar, exact: equal models told apart",
            f"{discordance:.0%} of {pictures} differ",
            "≤ 0.05",
            false / rounds,
            rounds,
        )


def power_kept(rounds: int) -> Iterator[Row]:
    """The smallest difference that can be shown."""
    draw = np.random.default_rng(6)
    for discordance, pictures in ((0.1, 230), (0.05, 1260)):
        difference = smallest_paired_difference(discordance, pictures)
        assert difference is not None
        whole = max(discordance, difference)
        up, down = (whole + difference) / 2, (whole - difference) / 2
        counts = draw.multinomial(pictures, [up, down, 1 - up - down], size=rounds)
        shown = sum(binomial_p(int(b), int(c)) < 0.05 for b, c, _ in counts)
        drawn = f"{100 * difference:.2f} points, {discordance:.0%} of {pictures} differ"
        yield "smallest difference that can be shown", drawn, "0.80", shown / rounds, rounds


def fisher_false(rounds: int) -> Iterator[Row]:
    """Equal accuracies on other pictures."""
    draw = np.random.default_rng(7)
    some = min(rounds, 1000)
    pairs = zip(draw.binomial(200, 0.9, some), draw.binomial(200, 0.9, some), strict=True)
    false = sum(fisher_p(int(a), 200, int(b), 200) < 0.05 for a, b in pairs)
    yield "Fisher, exact: equal accuracies told apart", "90 % of 200 twice", "≤ 0.05", false / some, some


def board_false(rounds: int) -> Iterator[Row]:
    """The board's group."""
    draw = np.random.default_rng(8)
    for runs in (3, 8):
        false = 0
        for _ in range(rounds):
            hard = draw.random(300)
            right = draw.random((runs, 300)) < 0.5 + 0.5 * hard
            false += min(against_the_best(right)[1]) < 0.05
        yield (
            "board: some equal run left out of the group",
            f"{runs} equal runs, 300 pictures",
            "≤ 0.05",
            false / rounds,
            rounds,
        )
    lost = 0
    skill = np.array([0.80, 0.80, 0.78, 0.74, 0.60])
    for _ in range(rounds):
        values = against_the_best(draw.random((5, 250)) < skill[:, None])[1]
        lost += min(values[:2]) < 0.05
    yield "board: a truly best run left out", "5 runs of 80, 80, 78, 74, 60 %, 250", "≤ 0.05", lost / rounds, rounds


def seeds_false(rounds: int) -> Iterator[Row]:
    """Equal recipes over seeds, and what one seed each would have said."""
    draw = np.random.default_rng(9)
    some = min(rounds, 1000)
    for one, other in ((2, 2), (3, 3), (5, 5), (1, 3), (1, 5)):
        false = single = 0
        for _ in range(some):
            hard = draw.normal(size=500)
            first, second = _seeded(draw, hard, one), _seeded(draw, hard, other)
            false += compare_seeds(first, second).p_value < 0.05
            single += binomial_p(int((first[0] & ~second[0]).sum()), int((~first[0] & second[0]).sum())) < 0.05
        drawn = f"{one} and {other} seeds of luck 0.15, 500 pictures"
        yield "seeds: equal recipes told apart", drawn, "≤ 0.05", false / some, some
        yield "… and by McNemar on one seed of each", drawn, "(no)", single / some, some


def precision_promise(rounds: int) -> Iterator[Row]:
    """The threshold of a wanted precision."""
    draw = np.random.default_rng(10)
    some = min(rounds, 1000)
    broken = given = 0
    for _ in range(some):
        confidence = draw.random(300)
        found = threshold_for_precision(confidence, draw.random(300) < confidence, 0.75)
        if found is None:
            continue
        given += 1
        broken += (1 + found.value) / 2 < 0.75  # precision above t, of a calibrated model with uniform confidence
    yield (
        "precision promised and not kept",
        f"75 % wanted, 300 pictures, {given} thresholds",
        "≤ 0.05",
        broken / some,
        some,
    )


def _differences(first: Predictions, second: Predictions) -> dict[str, float]:
    """Return the second's metrics minus the first's, by scikit-learn."""
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, log_loss

    def of(one: Predictions) -> dict[str, float]:
        return {
            "accuracy": accuracy_score(one.labels, one.predicted),
            "balanced_accuracy": balanced_accuracy_score(one.labels, one.predicted),
            "macro_f1": f1_score(one.labels, one.predicted, average="macro"),
            "log_loss": log_loss(one.labels, one.probabilities),
        }

    before, after = of(first), of(second)
    return {name: after[name] - before[name] for name in before}


def _models(draw: np.random.Generator, skills: tuple[float, float], pictures: int) -> tuple[Predictions, Predictions]:
    labels = draw.integers(4, size=pictures)
    common = draw.normal(size=(pictures, 4))
    names = tuple(map(str, range(pictures)))
    first, second = (
        (common + draw.normal(size=(pictures, 4)) + skill * np.eye(4)[labels]).astype(np.float32) for skill in skills
    )
    return Predictions(names, names, labels, first, tuple("abcd")), Predictions(
        names, names, labels, second, tuple("abcd")
    )


def _seeded(draw: np.random.Generator, hard: NDArray[np.float64], seeds: int) -> Bools:
    luck = draw.normal(0, 0.15, size=(seeds, 1))
    found: Bools = draw.normal(size=(seeds, len(hard))) < 1.0 + luck - hard
    return found


CHECKS: tuple[Callable[[int], Iterator[Row]], ...] = (
    wilson_coverage,
    bootstrap_coverage,
    paired_coverage,
    unpaired_coverage,
    paired_bootstrap_coverage,
    mcnemar_false,
    power_kept,
    fisher_false,
    board_false,
    seeds_false,
    precision_promise,
)

if __name__ == "__main__":
    main()
