"""The options of test-time views and tiles, which several verbs share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from toprung.ladder.looking import Looking

MERGES = ("mean", "max", "noisy-or", "attention")
IMPORTANCES = ("constant", "gaussian")
_AUTO = "half"


class Names(click.ParamType):
    """Names with commas between them."""

    name = "names"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Return the names."""
        return value if isinstance(value, tuple) else tuple(n.strip() for n in str(value).split(",") if n.strip())


class TileSide(click.ParamType):
    """Pixels, or half of the picture's shorter side."""

    name = "pixels"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Return the number, or ``half``."""
        if value == _AUTO:
            return _AUTO
        try:
            return int(str(value))
        except ValueError:
            self.fail(f"{value!r} is no tile size; give pixels such as 512, or put --tiles at the end.", param, ctx)


_OPTIONS = (
    click.option(
        "--views",
        type=Names(),
        metavar="KIND,…",
        help="Average several views of each picture: flip, five-crop, ten-crop, scales; several multiply.",
    ),
    click.option(
        "--tiles",
        type=TileSide(),
        is_flag=False,
        flag_value=_AUTO,
        metavar="[PIXELS]",
        help="Cut each picture into overlapping squares and predict each; without a number of pixels their side is "
        "half the picture's shorter one.",
    ),
    click.option("--overlap", type=float, help="Of tiles: share that neighbours have in common. [default: 0.25]"),
    click.option("--merge", type=click.Choice(MERGES), help="Of tiles: how they become one answer. [default: mean]"),
    click.option(
        "--importance",
        type=click.Choice(IMPORTANCES),
        help="Of tiles: whether their middle counts more, in mean and heat map. [default: constant]",
    ),
    click.option(
        "--with-whole", is_flag=True, help="Of tiles: average their answer with that for the whole picture, half each."
    ),
)


def looking_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets ``looking``, what they say together, without torch being loaded."""

    @functools.wraps(command)
    def with_looking(**given: Any) -> None:
        names = ("views", "tiles", "overlap", "merge", "importance", "with_whole")
        chosen = {name: given.pop(name) for name in names}
        command(looking=functools.partial(_looking, **chosen), **given)

    for option in reversed(_OPTIONS):
        with_looking = option(with_looking)
    return with_looking


def _looking(views: tuple[str, ...] | None, tiles: int | str | None, **of_tiles: Any) -> Looking:
    """Return how pictures are looked at.

    Raises:
        click.UsageError: an option of tiles without --tiles.
        RecipeError: a value that is not allowed.
    """
    given = {name: value for name, value in of_tiles.items() if value not in {None, False}}
    if tiles is None and given:
        raise click.UsageError(f"--{next(iter(given)).replace('_', '-')} needs --tiles.")
    from toprung.data.views import plan_views
    from toprung.evaluation.tiling import Tiling
    from toprung.ladder.looking import Looking

    plan_views(views or ())  # a misspelt kind is told before a model is loaded
    tiling = None if tiles is None else Tiling(side=None if tiles == _AUTO else int(tiles), **given)
    return Looking(views or (), tiling)
