"""``toprung fuse``: put the answers of runs together."""

from __future__ import annotations

from pathlib import Path

import click

METHODS = ("mean-probabilities", "mean-logits", "weighted", "greedy", "stacking", "vote")


@click.command(name="fuse")
@click.argument("runs_to_fuse", metavar="RUNS...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--method",
    default="auto",
    show_default=True,
    help=f"How: {', '.join(METHODS)}; auto takes what cross-fitting on val finds best, the plainest of equals.",
)
@click.option("--out", type=click.Path(path_type=Path), help="The run folder to make. [default: a new one in --runs]")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Where runs go.")
@click.option("--copy", is_flag=True, help="Keep the members' models within the fused one, so that it can be moved.")
@click.option(
    "--temper/--no-temper",
    default=True,
    show_default=True,
    help="Scale each member by its own temperature first, fitted on val.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Fixes cross-fitting and bags.")
def command(
    runs_to_fuse: tuple[Path, ...], method: str, out: Path | None, runs: Path, copy: bool, temper: bool, seed: int
) -> None:
    """Fuse the answers of RUNS, trained on the same split, into a new run that predicts, validates and exports.

    Weights and temperatures are fitted on val only; test is looked at once, at the end. Printed: the gain over the
    best member with its interval, and what each member adds.

    \b
    toprung fuse runs/quick/net runs/quick/probe
    toprung fuse runs/quick/* --method weighted --out runs/all
    """
    from toprung.ladder.display import RichDisplay
    from toprung.ladder.fusing.fuse import fuse_runs

    fuse_runs(
        list(runs_to_fuse),
        method=method,
        out=out,
        runs=runs,
        display=RichDisplay(),
        copy=copy,
        tempered=temper,
        seed=seed,
    )
