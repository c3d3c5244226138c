"""``toprung climb``: a whole ladder, from a folder of pictures to the best classifier that time and machine allow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toprung.training.recipe import parse_assignment

if TYPE_CHECKING:
    from toprung.ladder.climb.climb import Request


@click.command(name="climb")
@click.argument("pictures", type=click.Path(path_type=Path), required=False)
@click.option("--ladder", "ladder_name", help="A shipped ladder (--list tells them), or a TOML file. [default: quick]")
@click.option("--budget", help="Time for all of it, as in 90s, 30m or 2h; what cannot finish is skipped.")
@click.option(
    "--weights-dir",
    type=click.Path(path_type=Path),
    help="Folder of weights files; each rung starts from the file that is called as the rung or fits its model.",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="A.B=V",
    help="Change one setting of every trained rung, such as model.img_size=160; may be repeated.",
)
@click.option("--seed", type=int, help="One number that fixes split, order, augmentation and initial weights.")
@click.option("--folds", type=click.IntRange(min=2), help="Train every rung by so many folds.")
@click.option(
    "--final",
    type=click.Choice(["ensemble", "refit"]),
    help="Of folds: fuse their models, or train one on all. [default: ensemble]",
)
@click.option("--devices", help="Run rungs side by side, each on a device of its own, as in cuda:0,cuda:1 or cpu,cpu.")
@click.option("--out", type=click.Path(path_type=Path), help="The climb's folder. [default: one of its name in --runs]")
@click.option("--runs", type=click.Path(path_type=Path), help="Where climbs stand. [default: runs]")
@click.option("--resume", type=click.Path(path_type=Path), metavar="CLIMB", help="Continue an interrupted climb.")
@click.option("--dry-run", is_flag=True, help="Tell the plan with times and memory, measured here; train nothing.")
@click.option("--list", "list_ladders", is_flag=True, help="Tell the shipped ladders.")
def command(
    pictures: Path | None,
    ladder_name: str | None,
    budget: str | None,
    weights_dir: Path | None,
    assignments: tuple[str, ...],
    seed: int | None,
    folds: int | None,
    final: str | None,
    devices: str | None,
    out: Path | None,
    runs: Path | None,
    resume: Path | None,
    dry_run: bool,
    list_ladders: bool,
) -> None:
    """Climb a ladder of models on PICTURES: train rung after rung, compare them honestly, and write one page.

    PICTURES are as for `toprung train`. They are split in three: to train, to choose on, to report on; a source
    without val and test gives 15 % for each. A climb can be stopped at any time and goes on where it was.

    \b
    toprung climb photos
    toprung climb photos --ladder standard --budget 2h
    toprung climb photos --ladder offline --weights-dir ~/weights
    toprung climb photos --ladder vit --dry-run
    toprung climb --resume runs/quick
    """
    from toprung.ladder.climb.ladder_file import shipped_ladders
    from toprung.ladder.climb.times import parse_time

    if list_ladders:
        for name, description in shipped_ladders().items():
            click.echo(f"{name:<10} {description}")
        return
    given = [pictures, ladder_name, budget, weights_dir, seed, folds, final, devices, out, runs]
    if resume is not None:
        if any(value is not None for value in given) or assignments:
            raise click.UsageError("--resume goes on with what the climb was asked for: give nothing else with it.")
        request = _stored(resume)
    else:
        if pictures is None:
            raise click.UsageError("Missing argument 'PICTURES': the folder of labelled pictures.")
        request = _asked(
            pictures,
            ladder_name or "quick",
            out=out,
            runs=runs or Path("runs"),
            budget=None if budget is None else parse_time(budget),
            weights_dir=weights_dir,
            settings=dict(parse_assignment(text) for text in assignments),
            seed=seed or 0,
            folds=folds or 0,
            final=final or "ensemble",
            devices=devices,
        )
    from toprung.ladder.climb.climb import climb
    from toprung.ladder.climb.climb import dry_run as tell
    from toprung.ladder.display import RichDisplay

    if dry_run:
        tell(request, RichDisplay())
    else:
        climb(request, RichDisplay())


def _asked(pictures: Path, ladder: str, *, devices: str | None, **options: Any) -> Request:
    from toprung.ladder.climb.climb import Request
    from toprung.ladder.climb.devices import parse_devices
    from toprung.ladder.climb.ladder_file import read_ladder

    return Request(pictures, read_ladder(ladder), devices=parse_devices(devices), **options)


def _stored(folder: Path) -> Request:
    from toprung.ladder.climb.climb import Request
    from toprung.ladder.climb.devices import parse_devices
    from toprung.ladder.climb.ladder_file import parse_ladder
    from toprung.ladder.climb.opening import stored_request

    stored = stored_request(folder)
    text, name = stored.pop("ladder")
    ladder = parse_ladder(text, str(folder / "ladder.toml"), name)
    return Request(ladder=ladder, out=folder, devices=parse_devices(stored.pop("devices")), **stored)
