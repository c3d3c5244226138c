"""``toprung average``: the mean of several models' weights, as a run of its own."""

from __future__ import annotations

from pathlib import Path

import click

METHODS = ("uniform", "weighted", "exponential", "greedy", "interpolate")


class Numbers(click.ParamType):
    """Numbers with commas between them."""

    name = "numbers"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...] | None:
        """Return the numbers, or tell what is none."""
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not numbers with commas between them, such as 0.2,0.8.", param, ctx)


@click.command(name="average")
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--method",
    "method_name",
    type=click.Choice(METHODS),
    default="uniform",
    show_default=True,
    help="How much each counts: all alike, by --weights, later ones more, chosen greedily, or between two.",
)
@click.option("--weights", type=Numbers(), metavar="A,B,…", help="Of weighted: one for each model.")
@click.option("--decay", type=float, help="Of exponential: share of each divided by that of the next. [default: 0.9]")
@click.option(
    "--at",
    type=Numbers(),
    metavar="A,B,…",
    help="Of interpolate: 0 is the first model, 1 the second; of several the best on val. [default: 0,0.1,…,1]",
)
@click.option(
    "--pictures",
    type=click.Path(path_type=Path),
    metavar="SOURCE",
    help="Labelled pictures to choose and to score on. [default: those of the first run]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The run folder to make, or FILE.safetensors for the weights alone. [default: a new one in --runs]",
)
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Where runs go.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", help="Where to compute.")
@click.option("--batch-size", type=click.IntRange(min=2), default=32, show_default=True, help="Pictures at a time.")
def command(
    models: tuple[Path, ...],
    method_name: str,
    weights: tuple[float, ...] | None,
    decay: float | None,
    at: tuple[float, ...] | None,
    pictures: Path | None,
    out: Path | None,
    runs: Path,
    device: str,
    batch_size: int,
) -> None:
    """Average the weights of MODELS: runs, their model folders, or weights files, all of one architecture.

    The result is a run; it is shown beside its parents on the same pictures, with the p-value of McNemar's exact test.
    greedy, and interpolate with several places, choose on val and report on test; without a test split val is cut
    into halves.

    \b
    toprung average runs/a runs/b runs/c
    toprung average runs/soup-* --method greedy
    toprung average runs/before runs/after --method interpolate
    toprung average epoch-*.pth --method exponential --decay 0.8 --out mean.safetensors
    """
    from toprung.ladder.averaging.average import WEIGHTS_SUFFIX, average_runs, average_weights
    from toprung.ladder.averaging.methods import make_method
    from toprung.ladder.display import RichDisplay

    method, display = make_method(method_name, weights=weights, decay=decay, at=at), RichDisplay()
    if out is not None and out.suffix == WEIGHTS_SUFFIX:
        if pictures is not None:
            raise click.UsageError("--pictures needs a run to make: give a folder with --out, not a weights file.")
        average_weights(models, method, out, display=display)
        click.echo(f"written    {out}")
        return
    run = average_runs(
        models, method, pictures=pictures, out=out, runs=runs, device=device, batch_size=batch_size, display=display
    )
    _show(run.path)


def _show(path: Path) -> None:
    from rich.console import Console

    from toprung.ladder.averaging.table import print_average
    from toprung.runs.folder import RunFolder

    run, console = RunFolder(path), Console(highlight=False)
    print_average(run.record(), run.read_json(run.scores_file), console)
    console.print(f"page       {run.report_file}", soft_wrap=True)
    console.print(f"next       toprung predict {path} PICTURES -o predictions.csv", soft_wrap=True)
