"""``toprung search``: find the settings of a recipe that do best on the selection split."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toprung.training.presets import compose, preset_names, require_kind
from toprung.training.recipe import Recipe, parse_assignment

if TYPE_CHECKING:
    from toprung.ladder.climb.search.trials import SearchResult


@click.command(name="search")
@click.argument("pictures", type=click.Path(path_type=Path))
@click.option("--space", "space_file", type=click.Path(path_type=Path), required=True, help="TOML: setting -> values.")
@click.option("--model", help="Any timm model name. [default: the preset's]")
@click.option("--weights", help="'pretrained', 'none', a weights file, a run, or 'package:NAME'.")
@click.option(
    "--preset",
    "preset_name",
    default="finetune",
    show_default=True,
    help=f"Starting point of the recipe: {', '.join(preset_names('training'))}.",
)
@click.option("--set", "assignments", multiple=True, metavar="A.B=V", help="Change one setting; may be repeated.")
@click.option("--trials", type=int, help="How many, those of earlier sittings included. [default: the space's, or 20]")
@click.option("--budget", help="Training time of all trials, as in 90s, 20m or 2h.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the split, the training and the proposals.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the search; continued if there.")
def command(
    pictures: Path,
    space_file: Path,
    model: str | None,
    weights: str | None,
    preset_name: str,
    assignments: tuple[str, ...],
    trials: int | None,
    budget: str | None,
    seed: int,
    out: Path,
) -> None:
    """Search the settings of --space for PICTURES, on their train and val splits; test pictures are never seen.

    The same command goes on with a search that was interrupted.

    \b
    toprung search photos --preset quick --space space.toml --trials 20 --out runs/search
    toprung search photos --model resnet18 --space space.toml --budget 20m --out runs/search
    """
    from toprung.ladder.climb.search.search import search_recipe
    from toprung.ladder.climb.search.space import SearchSpace, read_space
    from toprung.ladder.climb.search.table import keep_table
    from toprung.ladder.climb.search.training import trial_trainer
    from toprung.ladder.climb.times import parse_time
    from toprung.ladder.display import RichDisplay

    require_kind(preset_name, "training")
    given: dict[str, Any] = {"model.name": model, "model.weights": weights}
    settings = {name: value for name, value in given.items() if value is not None} | {"seed": seed}
    base = compose(preset_name, settings | dict(parse_assignment(text) for text in assignments))
    values = read_space(space_file)
    count = int(values.pop("trials", 20)) if trials is None else trials
    values.pop("trials", None)
    space, display = SearchSpace.read(values, base), RichDisplay()
    seconds = None if budget is None else parse_time(budget)
    table = keep_table(pictures, base, out, display=display)
    result = search_recipe(
        base,
        space,
        trial_trainer(table, out, display=None),
        trials=count,
        budget_seconds=seconds,
        folder=out,
        seed=seed,
        display=display,
    )
    _show(result, pictures, out, base, table)


def _show(result: SearchResult, pictures: Path, out: Path, base: Recipe, table: Path) -> None:
    from toprung.data.table_csv import read_table_csv
    from toprung.ladder.climb.search.training import not_told_apart

    best, finished = result.best, len(result.finished)
    click.echo(f"best       trial {best.number + 1}, val accuracy {best.accuracy:.2%}, of {finished} finished trials")
    truth = "test tells more" if "test" in read_table_csv(table).splits else "no test split is set aside to tell more"
    click.echo(f"           too good an estimate: it was chosen by this very score; {truth}")
    click.echo(f"           {len(not_told_apart(result))} others cannot be told apart from it on val (McNemar, 5 %)")
    for name, value in best.values.items():
        click.echo(f"           {name} = {value!r}")
    click.echo(f"recipe     {out / 'best.toml'}")
    click.echo(f"next       toprung train {pictures} --preset {base.preset} --recipe {out / 'best.toml'}")
