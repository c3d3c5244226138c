"""``toprung validate``: score a run's model."""

from __future__ import annotations

from pathlib import Path

import click


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
@click.option("--batch-size", type=click.IntRange(min=1), default=32, show_default=True, help="Pictures at a time.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
def command(
    run: Path,
    pictures: Path | None,
    split: str | None,
    per_class: bool,
    as_json: bool,
    save: Path | None,
    batch_size: int,
    device: str,
) -> None:
    """Score the model of RUN on labelled PICTURES, or on the run's own val or test pictures.

    Prints accuracy, top-5, balanced accuracy, macro F1, log-loss and calibration error, each with its 95 %
    interval. Without PICTURES the predictions stored in the run are scored: no model is run.
    """
    unreadable: tuple[tuple[str, str], ...] = ()
    if pictures is None:
        if save is not None:
            raise click.UsageError("--save needs PICTURES: the run's own predictions stand in the run already.")
        scores = _own(run, split)
    else:
        scores, unreadable = _other(run, pictures, split, save, batch_size, device)
    if as_json:
        import json

        click.echo(json.dumps(scores, indent=2))
    else:
        from rich.console import Console

        from toprung.ladder.score_table import print_per_class, print_scores

        console = Console(highlight=False)
        print_scores(scores, console)
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


def _other(
    run: Path, pictures: Path, split: str | None, save: Path | None, batch_size: int, device: str
) -> tuple[dict[str, object], tuple[tuple[str, str], ...]]:
    from toprung.ladder.display import RichDisplay
    from toprung.ladder.validating import learnt_pictures, save_validation, validate_source
    from toprung.runs.classifier import Classifier, model_folder
    from toprung.runs.folder import RunFolder

    if save is not None:
        RunFolder.refuse_existing(save, "--save")
    classifier = Classifier.open(model_folder(run), device)
    result = validate_source(classifier, pictures, split=split, display=RichDisplay(), batch_size=batch_size)
    if save is not None:
        save_validation(save, result)
    learnt = learnt_pictures(run, result.predictions)
    if learnt:
        click.secho(
            f"{learnt} of {len(result.predictions)} pictures are ones that the model was trained on: "
            "this score says little about new pictures.",
            fg="yellow",
            err=True,
        )
    return result.scores, result.unreadable
