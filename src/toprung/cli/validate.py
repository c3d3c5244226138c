"""``toprung validate``: score a run's model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toprung.cli.looking_options import looking_options

if TYPE_CHECKING:
    from toprung.ladder.gain import Gain
    from toprung.ladder.looking import Looking
    from toprung.ladder.validating import ValidationResult


@click.command(name="validate")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("pictures", type=click.Path(path_type=Path), required=False)
@click.option(
    "--split", type=click.Choice(["train", "val", "test"]), help="Which split. [default: test, else val, else all]"
)
@click.option(
    "--per-class/--no-per-class", default=True, show_default=True, help="Show precision and recall per class."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
@click.option(
    "--save", type=click.Path(path_type=Path), help="Write predictions.npz and scores.json into this new folder."
)
@click.option(
    "--batch-size", type=click.IntRange(min=1), default=32, show_default=True, help="Pictures at a time, or views."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
@looking_options
def command(
    run: Path,
    pictures: Path | None,
    split: str | None,
    per_class: bool,
    as_json: bool,
    save: Path | None,
    batch_size: int,
    device: str,
    looking: Callable[[], Looking],
) -> None:
    """Score the model of RUN on labelled PICTURES, or on the run's own val or test pictures.

    Prints accuracy, top-5, balanced accuracy, macro F1, log-loss and calibration error, each with its 95 %
    interval. Without PICTURES the predictions stored in the run are scored: no model is run.

    With --views or --tiles the run's own pictures are predicted anew, and what that gave over plain prediction is
    told. Choose them on val (--split val), and look at test once.

    \b
    toprung validate runs/X
    toprung validate runs/X photos --split test
    toprung validate runs/X --split val --views flip,five-crop
    """
    how = looking()
    unreadable: tuple[tuple[str, str], ...] = ()
    gain: Gain | None = None
    if pictures is None and not how:
        if save is not None:
            raise click.UsageError("--save needs PICTURES: the run's own predictions stand in the run already.")
        scores = _own(run, split)
    else:
        result, gain = _predicted(run, pictures, split, save, batch_size, device, how)
        scores, unreadable = result.scores, result.unreadable
        if how:
            scores |= {"looking": how.to_json()} | ({"gain": gain.to_json()} if gain else {})
    if as_json:
        import json

        click.echo(json.dumps(scores, indent=2))
    else:
        from rich.console import Console

        from toprung.ladder.score_table import print_per_class, print_scores

        console = Console(highlight=False)
        print_scores(scores, console)
        for line in gain.sentences() if gain else ():
            console.print(f"  {line}", soft_wrap=True)
        if per_class:
            print_per_class(scores, console)
    for _, reason in unreadable[:20]:
        click.echo(reason, err=True)
    if unreadable:
        click.echo(f"{len(unreadable)} pictures could not be read and were left out.", err=True)
        raise SystemExit(1)


def _own(run: Path, split: str | None) -> dict[str, object]:
    from toprung.runs.folder import RunFolder
    from toprung.runs.scores import stored_scores

    return stored_scores(RunFolder.open(run), split)


def _predicted(
    run: Path,
    pictures: Path | None,
    split: str | None,
    save: Path | None,
    batch_size: int,
    device: str,
    looking: Looking,
) -> tuple[ValidationResult, Gain | None]:
    """Run the model, on other pictures or anew on the run's own."""
    from toprung.ladder.display import RichDisplay
    from toprung.ladder.gain import validate_own
    from toprung.ladder.validating import save_validation, validate_source
    from toprung.runs.classifier import model_folder
    from toprung.runs.folder import RunFolder
    from toprung.runs.fused import open_classifier

    if save is not None:
        RunFolder.refuse_existing(save, "--save")
    classifier = looking.around(open_classifier(model_folder(run), device))
    display, gain = RichDisplay(), None
    if pictures is None:
        folder = RunFolder.open(run)
        result, gain = validate_own(folder, classifier, split=split, display=display, batch_size=batch_size)
    else:
        result = validate_source(classifier, pictures, split=split, display=display, batch_size=batch_size)
        _warn_of_learnt(run, result)
    if save is not None:
        save_validation(save, result)
    return result, gain


def _warn_of_learnt(run: Path, result: ValidationResult) -> None:
    from toprung.ladder.validating import learnt_pictures

    learnt = learnt_pictures(run, result.predictions)
    if learnt:
        click.secho(
            f"{learnt} of {len(result.predictions)} pictures are ones that the model was trained on: "
            "this score says little about new pictures.",
            fg="yellow",
            err=True,
        )
