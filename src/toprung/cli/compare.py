"""``toprung compare``: is one model better than another, or is it chance?"""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="compare")
@click.argument("models", nargs=-1, metavar="A B ...")
@click.option("--counts", is_flag=True, help="A and B are counts, such as 1238/1260 or 0.98254/1260.")
@click.option("--split", type=click.Choice(["test", "val"]), help="Of runs. [default: test, else val]")
@click.option("--common", is_flag=True, help="Compare the pictures that all have, and leave the others out.")
@click.option(
    "--changed",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="Write what two answer otherwise.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the bootstrap.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
def command(
    models: tuple[str, ...],
    counts: bool,
    split: str | None,
    common: bool,
    changed: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Compare models by what they said of the same pictures, and say whether the difference is real.

    Each model is a run, a predictions.npz, or a CSV of any tool with the columns path, label, and predicted or a score
    for each class. With more than two, all are compared with the best.

    \b
    toprung compare runs/quick/net runs/quick/fusion
    toprung compare runs/quick/net other_tool.csv --common
    toprung compare --counts 1238/1260 1239/1260
    """
    if counts:
        if split or common or changed:
            raise click.UsageError("--counts knows no pictures: leave out --split, --common and --changed.")
        _counts(models, as_json)
        return
    from toprung.ladder.comparing.compare import compare_models, write_changed

    if changed is not None and len(models) != 2:
        raise click.UsageError("--changed tells the pictures of two models: give two.")
    found = compare_models([Path(model) for model in models], split=split, common=common, seed=seed)
    written = write_changed(found, changed) if changed is not None else None
    if as_json:
        import json

        click.echo(json.dumps(found.to_json(), indent=2))
        return
    for line in found.lines():
        click.echo(line)
    if changed is not None:
        click.echo(f"\n{written} pictures are answered otherwise: {changed}")


def _counts(texts: tuple[str, ...], as_json: bool) -> None:
    from toprung.ladder.comparing.compare import compare_all_counts, told_counts

    found = compare_all_counts(texts)
    if as_json:
        import json
        from dataclasses import asdict

        pairs = [{"first": one, "second": two} | {"comparison": asdict(pair)} for (one, two), pair in found]
        click.echo(json.dumps({"format": 1, "pairs": pairs}, indent=2))
        return
    for line in told_counts(found):
        click.echo(line)
