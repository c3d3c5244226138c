"""``toprung folds``: train once for each fold, and predict every picture by the model that did not learn it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from toprung.training.presets import compose, preset_names, require_kind
from toprung.training.recipe import parse_assignment


@click.command(name="folds")
@click.argument("pictures", type=click.Path(path_type=Path))
@click.option("--folds", type=click.IntRange(min=2), default=5, show_default=True, help="How many.")
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
@click.option("--seed", type=int, default=0, show_default=True, help="Of the folds and of the training.")
@click.option(
    "--final",
    type=click.Choice(["ensemble", "refit", "none"]),
    default="ensemble",
    show_default=True,
    help="The model to end with: the mean of the folds' models, one trained on all folds' pictures, or none.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Of the result; folds stand beside it.")
def command(
    pictures: Path,
    folds: int,
    model: str | None,
    weights: str | None,
    preset_name: str,
    assignments: tuple[str, ...],
    seed: int,
    final: str,
    out: Path,
) -> None:
    """Train on PICTURES by k folds, and tell accuracy and spread of the out-of-fold predictions.

    The same command goes on where it was interrupted. Test pictures are in no fold.

    \b
    toprung folds photos --preset quick --out runs/quick
    toprung folds photos --model resnet18 --folds 10 --final refit --out runs/resnet18
    """
    from toprung.ladder.climb.folds.ensemble import ensemble
    from toprung.ladder.climb.folds.folds import NOTE, refit, run_folds
    from toprung.ladder.climb.search.table import keep_table
    from toprung.ladder.display import RichDisplay

    require_kind(preset_name, "training")
    given: dict[str, Any] = {"model.name": model, "model.weights": weights}
    settings = {name: value for name, value in given.items() if value is not None} | {"seed": seed}
    recipe, display = compose(preset_name, settings | dict(map(parse_assignment, assignments))), RichDisplay()
    table = keep_table(pictures, recipe, out, display=display)
    result = run_folds(table, recipe, folds=folds, folder=out, display=display)
    accuracy = result.scores["accuracy"]
    click.echo(f"folds      {'  '.join(f'{one:.2%}' for one in result.accuracies)}")
    click.echo(f"spread     mean {result.mean:.2%}, standard deviation {100 * result.sd:.2f} points")
    click.echo(f"together   {accuracy['value']:.2%} of {len(result.out_of_fold)} pictures, each predicted once")
    click.echo(f"           {NOTE}")
    click.echo(f"written    {out / 'folds.json'}, {out / 'predictions' / 'oof.npz'}")
    if final == "refit":
        run = refit(result, recipe, out.with_name(f"{out.name}-refit"), display=display)
        click.echo(f"refitted   {run.path}; its val is a picture of each class and chose nothing")
    elif final == "ensemble":
        run = ensemble(result, table, out.with_name(f"{out.name}-ensemble"))
        click.echo(f"ensemble   {run.path}; its val is out of fold, each picture predicted by one model")
