"""``toprung data``: what is in a folder of pictures, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from toprung.ladder.pictures import Pictures
    from toprung.training.settings import DataSettings


@click.command(name="data")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--refuse-leaks", is_flag=True, help="End with an error when one picture stands in two splits.")
@click.option(
    "--on-unreadable",
    type=click.Choice(["skip", "error"]),
    help="End with an error when a file cannot be read, or report it only (default: skip).",
)
@click.option("--val-fraction", type=float, help="Share set aside for validation where PATH has no val (default: 0.2).")
@click.option("--test-fraction", type=float, help="Share set aside for the test where PATH has no test (default: 0).")
@click.option("--folds", type=int, help="Cut train into so many folds instead of one val.")
@click.option("--fold", type=int, help="Which fold is val, from 0 (default: 0).")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed, another split.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
def command(path: Path, refuse_leaks: bool, seed: int, as_json: bool, **given: Any) -> None:
    """Report on the labelled pictures in PATH: a folder of class folders, a folder of splits, a CSV or Parquet file.

    Opens every file to its end. Shows counts per class and split, sizes and formats, files that cannot be read and
    why, pictures that stand there twice, and above all those that stand in two splits or under two labels.
    The splits are those that `toprung train` makes with the same settings.
    """
    from rich.console import Console

    from toprung.data.health import refuse_leaks as refuse
    from toprung.data.sources import read_source
    from toprung.ladder.display import RichDisplay
    from toprung.ladder.pictures import look_through, refuse_copied_splits, refuse_unreadable
    from toprung.training.settings import DataSettings

    settings = DataSettings(**{name: value for name, value in given.items() if value is not None})
    progress = RichDisplay(Console(stderr=True))  # standard output stays clean for the report
    pictures = look_through(read_source(path), settings, seed=seed, display=progress)
    if as_json:
        import json

        click.echo(json.dumps({"format": 1, **pictures.health.to_json()}, indent=2))
    else:
        from toprung.ladder.data_report import print_health

        print_health(pictures.health, path, _split_made(pictures, settings, seed), Console(highlight=False))
    refuse_copied_splits(pictures.table)
    if settings.on_unreadable == "error":
        refuse_unreadable(pictures.unreadable)
    if refuse_leaks:
        refuse(pictures.health)


def _split_made(pictures: Pictures, settings: DataSettings, seed: int) -> str:
    """Say where the splits come from."""
    from toprung.ladder.wording import percent

    made = [split for split in pictures.health.counts if split not in {"train", *pictures.given}]
    if not made:
        return "as PATH gives them"
    fractions = {"val": settings.val_fraction, "test": settings.test_fraction}
    parts = [
        f"val is fold {settings.fold} of 0 to {settings.folds - 1}"
        if split == "val" and settings.folds
        else f"{split} is {percent(fractions[split], 0)} of each class"
        for split in made
    ]
    return f"{', '.join(parts)}; set aside with seed {seed}, near-duplicates kept together"
