"""What was fitted on made-up cases, as stored beside this file; `python -m benchmarks.cutout_judge` writes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from toprung.cutting.judge.features import FEATURES
from toprung.cutting.judge.network import Network

FLOOR = 2e-4
"""Added to errors before their logarithm: 0.2 of 1000 counts as none."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """The networks of the rounds, and the way from the raw expected error to the calibrated one.

    Attributes:
        rounds: one network a round.
        knots: log (raw error + FLOOR), rising.
        values: log (true error + FLOOR) at the knots, rising.
        low, high: 5 % and 95 % quantiles of log true − log expected at the knots.
    """

    rounds: tuple[Network, ...]
    knots: tuple[float, ...]
    values: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def calibrated(self, raw: float) -> tuple[float, tuple[float, float]]:
        """Return the expected error and its 90 % interval for a raw expected error, all within [0, 1].

        Rising in ``raw`` beyond the last knots too, with slope one in the logarithm.
        """
        log = float(np.log(raw + FLOOR))
        inside = float(np.clip(log, self.knots[0], self.knots[-1]))
        expected = float(np.interp(inside, self.knots, self.values)) + log - inside
        ends = [expected + float(np.interp(inside, self.knots, off)) for off in (self.low, self.high)]
        low, middle, high = (float(np.clip(np.exp(one) - FLOOR, 0, 1)) for one in (ends[0], expected, ends[1]))
        return middle, (low, high)


@cache
def fitted() -> Fitted:
    """Read the stored file."""
    stored = json.loads(files("toprung.cutting.judge").joinpath("fitted.json").read_text(encoding="utf-8"))
    if stored["features"] != list(FEATURES):
        raise AssertionError("fitted.json was made for other features; run python -m benchmarks.cutout_judge")
    networks = [Network.read(one) for one in stored["networks"]]
    return Fitted(
        tuple(networks[index] for index in stored["rounds"]),
        tuple(stored["knots"]),
        tuple(stored["values"]),
        tuple(stored["low"]),
        tuple(stored["high"]),
    )
