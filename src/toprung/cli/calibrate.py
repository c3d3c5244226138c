"""``toprung calibrate``: make a run's confidence honest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from toprung.evaluation.predictions import Predictions


@click.command(name="calibrate")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--precision",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="Share of the answers given that are to be right; sets the threshold of `predict --threshold auto`.",
)
@click.option(
    "--coverage",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.9,
    show_default=True,
    help="Share of the sets that are to hold the true class.",
)
@click.option(
    "--method",
    type=click.Choice(["lac", "aps", "raps"]),
    default="lac",
    show_default=True,
    help="How sets are made: lac gives the smallest; aps and raps give larger ones to harder pictures.",
)
@click.option("--by-class", is_flag=True, help="Keep the sets' promise for each class by itself.")
@click.option(
    "--pictures",
    type=click.Path(path_type=Path),
    help="Labelled pictures to look at the result on. [default: the run's test split, else halves of val]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the sets' random part and of the intervals.")
@click.option("--batch-size", type=click.IntRange(min=1), default=32, show_default=True, help="With --pictures.")
@click.option("--device", default="auto", show_default=True, help="With --pictures: auto, cpu, cuda or mps.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
def command(
    run: Path,
    precision: float,
    coverage: float,
    method: str,
    by_class: bool,
    pictures: Path | None,
    seed: int,
    batch_size: int,
    device: str,
    as_json: bool,
) -> None:
    """Fit a temperature, a threshold and prediction sets to the validation predictions of RUN.

    What they are worth is measured on the test split. All is kept in RUN/calibration.json, for `toprung predict
    RUN --calibrated --threshold auto --sets`, and shown on the run's page. A later call replaces that file only.

    \b
    Examples:
      toprung calibrate runs/pets
      toprung calibrate runs/pets --precision 0.99 --coverage 0.95 --method raps
      toprung calibrate runs/pets --pictures photos-of-another-camera
    """
    from toprung.evaluation.calibrated import CalibrationSettings
    from toprung.ladder.calibrating import calibrate
    from toprung.ladder.report import write_report

    settings = CalibrationSettings(precision, coverage, method, by_class, seed)
    others = _predict(run, pictures, batch_size, device) if pictures else None
    result = calibrate(run, settings, pictures=others, source=str(pictures or ""))
    page = write_report(run)
    if as_json:
        import json

        click.echo(json.dumps(result, indent=2))
        return
    from rich.console import Console

    from toprung.ladder.calibration_table import print_calibration

    print_calibration(result, Console(highlight=False))
    click.echo(f"\n{run / 'calibration.json'}, shown on {page}")


def _predict(run: Path, pictures: Path, batch_size: int, device: str) -> Predictions:
    from toprung.ladder.display import RichDisplay
    from toprung.ladder.validating import learnt_pictures, validate_source
    from toprung.runs.classifier import model_folder
    from toprung.runs.fused import open_classifier

    classifier = open_classifier(model_folder(run), device)
    result = validate_source(classifier, pictures, split=None, display=RichDisplay(), batch_size=batch_size)
    for _, reason in result.unreadable[:20]:
        click.echo(reason, err=True)
    learnt = learnt_pictures(run, result.predictions)
    if learnt:
        click.secho(
            f"{learnt} of {len(result.predictions)} pictures are ones that the model was trained on: it is surer of "
            "them, and more often right, than of new ones.",
            fg="yellow",
            err=True,
        )
    return result.predictions
