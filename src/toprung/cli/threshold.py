"""The value of ``--threshold``: a probability, or ``auto``."""

from __future__ import annotations

import math
from typing import Literal

import click


class Threshold(click.ParamType):
    """A number in [0, 1], or the word ``auto``."""

    name = "auto|NUMBER"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | Literal["auto"]:
        """Return the number, or ``"auto"``."""
        if value == "auto":
            return "auto"
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 <= number <= 1:
            self.fail(f"{value!r} is neither auto nor a probability between 0 and 1.", param, ctx)
        return number


THRESHOLD = Threshold()
