"""``toprung predict``: classify pictures into a CSV."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from toprung.cli.looking_options import looking_options
from toprung.cli.threshold import THRESHOLD

if TYPE_CHECKING:
    from toprung.ladder.looking import Looking
    from toprung.runs.tiled import TiledAnswer


@click.command(name="predict")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("pictures", nargs=-1, required=True)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The CSV to write. [default: print it]")
@click.option("--top", type=click.IntRange(min=1), default=3, show_default=True, help="Classes named per picture.")
@click.option("--calibrated", is_flag=True, help="Probabilities by the temperature that `toprung calibrate` fitted.")
@click.option(
    "--threshold",
    type=THRESHOLD,
    help="Give no label below this probability: a number such as 0.8, or auto for the calibrated one.",
)
@click.option("--sets", is_flag=True, help="Add a column with the calibrated set of classes, divided by |.")
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=32,
    show_default=True,
    help="Pictures at a time, or views or tiles.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
@looking_options
@click.option(
    "--heat-map",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Of tiles: write into this new folder where in each picture its class is seen.",
)
def command(
    run: Path,
    pictures: tuple[str, ...],
    out: Path | None,
    top: int,
    calibrated: bool,
    threshold: float | Literal["auto"] | None,
    sets: bool,
    batch_size: int,
    device: str,
    looking: Callable[[], Looking],
    heat_map: Path | None,
) -> None:
    """Classify PICTURES (files, folders, or patterns such as 'photos/**/*.jpg') with the model of RUN.

    The CSV has a line per picture: path, label, probability, the next most probable classes, and error, which says
    why where a picture could not be read. An interrupted call goes on where it stopped when it is repeated.

    With --threshold the label of an unsure picture is empty and the column abstained says "abstained". With --sets
    the column set names the classes among which the true one is. Both, like --calibrated, are prepared by
    `toprung calibrate RUN`; --threshold auto and --sets give calibrated probabilities too.

    Exit code 1 says that some pictures could not be read.

    \b
    toprung predict runs/X photos -o photos.csv
    toprung predict runs/X photos --views flip,five-crop
    toprung predict runs/X scans --tiles 512 --merge attention --heat-map maps
    """
    from toprung.data.sources import list_pictures

    how = looking()
    if heat_map is not None and how.tiling is None:
        raise click.UsageError("--heat-map needs --tiles.")
    if out is not None and out.exists():
        from toprung.errors import RunError

        raise RunError(f"{out} exists already and is never overwritten; give another name with -o.")
    paths = list_pictures(pictures)
    from toprung.ladder.answering import answers_of
    from toprung.ladder.predicting import predict_to_csv, predict_to_stream
    from toprung.runs.classifier import model_folder
    from toprung.runs.fused import open_classifier

    folder = model_folder(run)
    answers = answers_of(run, calibrated=calibrated, threshold=threshold, sets=sets)
    if answers.calibration is not None and how.to_json():
        click.secho(
            "The calibration was fitted on whole pictures seen once; with --views or --tiles confidence differs, "
            "and what was promised need not hold.",
            fg="yellow",
            err=True,
        )
    opened = open_classifier(folder, device)
    classifier = how.around(opened, _heat_maps(heat_map, out, opened.classes, how))
    if out is None:
        count = predict_to_stream(classifier, paths, sys.stdout, top=top, batch_size=batch_size, answers=answers)
    else:
        from toprung.ladder.display import RichDisplay
        from toprung.runs.fused import model_fingerprint

        settings = {"model": model_fingerprint(folder), "top": top} | how.to_json()
        if heat_map is not None:
            settings["heat_map"] = str(heat_map.absolute())
        with RichDisplay().reading("predicting") as progress:
            count = predict_to_csv(
                classifier,
                paths,
                out,
                top=top,
                batch_size=batch_size,
                settings=settings,
                progress=progress,
                answers=answers,
            )
        kept = f" ({count.kept} of them before the interruption)" if count.kept else ""
        click.echo(f"{count.predicted} pictures predicted{kept}: {out}")
    if heat_map is not None:
        click.echo(f"heat maps: {heat_map}", err=out is None)
    if count.unreadable:
        where = f"; the column error of {out} says why" if out else ""
        click.echo(f"{count.unreadable} of {len(paths)} pictures could not be read{where}", err=True)
        raise SystemExit(1)


def _heat_maps(
    folder: Path | None, out: Path | None, classes: tuple[str, ...], looking: Looking
) -> Callable[[TiledAnswer], None] | None:
    """Return what writes the heat maps; a folder that holds something is taken only from the call that is continued."""
    if folder is None or looking.tiling is None:
        return None
    from toprung.ladder.heat_maps import HeatMaps
    from toprung.ladder.predicting import is_begun
    from toprung.runs.folder import RunFolder

    if out is None or not is_begun(out):
        RunFolder.refuse_existing(folder, "--heat-map")
    return HeatMaps(folder, classes, looking.tiling)
