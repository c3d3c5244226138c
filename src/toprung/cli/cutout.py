"""``toprung cutout``: cut objects out of photos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from toprung.cutting.batch import Tally
    from toprung.cutting.jobs.request import Request
    from toprung.cutting.jobs.row import Row

_SHOWN = 10
_COLOURS = {"good": "green", "check": "yellow", "failed": "red", "error": "red"}
_PATH = click.Path(path_type=Path)


def _list_methods(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from toprung.cutting.methods.registry import load_methods

    for name, entry in load_methods().items():
        click.echo(f"{name:<14} {entry.summary}{'' if entry.default else ' (only when named)'}")
    ctx.exit()


@click.command(name="cutout")
@click.argument("photos", nargs=-1, required=True, type=_PATH)
@click.option("--plate", type=_PATH, help="The same scene without the object: a file for all photos, or a folder.")
@click.option("--second", type=_PATH, help="The object again on another paper: a file for all photos, or a folder.")
@click.option("--second-plate", type=_PATH, help="That other paper without the object: a file for all.")
@click.option("--out", type=_PATH, default=Path("cutouts"), show_default=True, help="The folder to write into.")
@click.option("--recursive", is_flag=True, help="Take the photos of subfolders too.")
@click.option("--model", type=_PATH, metavar="FILE.onnx", help="A saliency or matting network to ask as well.")
@click.option("--trimap", type=_PATH, help="Black, grey and white for background, unknown, object: a file or a folder.")
@click.option("--method", "methods", multiple=True, help="Use these methods only; can be repeated.")
@click.option(
    "--list-methods",
    is_flag=True,
    is_eager=True,
    callback=_list_methods,
    expose_value=False,
    help="Print the methods and end.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["auto", "png", "png16", "webp", "tiff"]),
    default="auto",
    show_default=True,
    help="Of the cutouts; auto is png16 for photos with 16 bits and png for others.",
)
@click.option("--crop", is_flag=True, help="Trim the cutout to the object.")
@click.option("--margin", type=click.IntRange(0, 10_000), help="Trim, and keep so many clear pixels around the object.")
@click.option(
    "--on",
    "colours",
    multiple=True,
    metavar="COLOUR",
    help="Also write the object on this colour, such as white or #0050ff; can be repeated.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Photos at a time. [default: as cores and memory allow]")
@click.option("--choices", type=_PATH, help="Take what a person picked and painted from this choices.json.")
@click.option("--review", is_flag=True, help="Show the review in the browser afterwards, to pick and touch up.")
@click.option("--json", "as_json", is_flag=True, help="Print plain values for programs.")
def command(
    photos: tuple[Path, ...],
    plate: Path | None,
    second: Path | None,
    second_plate: Path | None,
    out: Path,
    recursive: bool,
    model: Path | None,
    trimap: Path | None,
    methods: tuple[str, ...],
    format_name: str,
    crop: bool,
    margin: int | None,
    colours: tuple[str, ...],
    jobs: int | None,
    choices: Path | None,
    review: bool,
    as_json: bool,
) -> None:
    """Cut the objects out of PHOTOS, files or folders, into pictures with transparency.

    Each photo gets a verdict in cutouts.csv: good, check (look at it), failed, or error when there is no cutout. A
    photo's plate, second photo and trimap are found by its name where a folder is given. An interrupted call goes on
    where it stopped when it is repeated. Nothing is written over but this job's own cutouts.

    Exit code 0 says that all are good or to check, 1 that some failed or gave an error.

    \b
    toprung cutout photos --plate plate.jpg
    toprung cutout photos --plate plates --out cut --crop --on white --on '#0050ff'
    toprung cutout cup.jpg --plate grey.jpg --second cup-on-blue.jpg --second-plate blue.jpg
    toprung cutout shop --recursive --format webp --margin 40 --jobs 4
    """
    from toprung.cutting.batch import cut_photos, decide_photos, list_request
    from toprung.cutting.cutout import cutout
    from toprung.cutting.jobs.request import Request
    from toprung.cutting.jobs.reviewing import note
    from toprung.cutting.methods.registry import chosen_methods
    from toprung.cutting.output.paint import parse_paint
    from toprung.cutting.review.page import write_review
    from toprung.cutting.writing import Style
    from toprung.ladder.display import RichDisplay

    settings: dict[str, Any] = {}
    if model is not None:
        settings["model"] = str(model)
    if methods:
        chosen_methods(methods)  # a wrong name is a mistake of the call, not of each photo
        settings["methods"] = list(methods)
    paints = tuple({paint.name: paint for paint in map(parse_paint, colours)}.values())
    request = Request(
        photos,
        out,
        plate=plate,
        second=second,
        second_plate=second_plate,
        trimap=trimap,
        style=Style(format_name, 0 if crop and margin is None else margin, paints),
        settings=settings,
        files=() if model is None else _model_files(model),
        choices=choices,
        recursive=recursive,
        jobs=jobs,
    )
    listing = list_request(request)
    for remark in listing.remarks:
        click.secho(remark, fg="yellow", err=True)
    with RichDisplay().reading("cutting") as progress:
        tally = cut_photos(request, listing, cutter=cutout, progress=progress, noter=note, page=write_review)
    (_print_json if as_json else _print)(request, tally)
    if review:
        from toprung.cutting.review.serve import serve_review

        decide_photos(request, listing, cutter=cutout, noter=note, serve=serve_review)
    raise SystemExit(tally.exit_code)


def _model_files(model: Path) -> tuple[Path, ...]:
    from toprung.cutting.masks.model_card import card_beside

    card = card_beside(model)
    return (model, card) if card.is_file() else (model,)


def _print(request: Request, tally: Tally) -> None:
    from toprung.cutting.batch import CSV

    counts = tally.counts
    listed = (
        tally.rows if len(tally.rows) <= _SHOWN else [row for row in tally.rows if row.status in ("failed", "error")]
    )
    for row in listed[:_SHOWN]:
        click.echo(f"{click.style(row.status, fg=_COLOURS[row.status])} {_line(row)}")
    if len(listed) > _SHOWN:
        click.echo(f"and {len(listed) - _SHOWN} more that failed or gave an error")
    kept = f" ({tally.kept} of them before)" if tally.kept else ""
    told = ", ".join(f"{counts[status]} {status}" for status in _COLOURS if counts[status])
    click.echo(f"{len(tally.rows)} photos{kept}: {told}; see {request.out / CSV} and {request.out / 'review.html'}")


def _line(row: Row) -> str:
    error = "" if row.expected_error is None else f" (expected error {row.expected_error:.4f})"
    reasons = f": {' '.join(row.reasons)}" if row.reasons else ""
    return f"{row.photo}{error}{reasons}".encode("utf-8", "replace").decode()  # names that are no UTF-8


def _print_json(request: Request, tally: Tally) -> None:
    from toprung.cutting.batch import CSV

    content = {
        "out": str(request.out),
        "csv": str(request.out / CSV),
        "counts": dict(tally.counts),
        "kept": tally.kept,
        "photos": [row.to_json() for row in tally.rows],
    }
    click.echo(json.dumps(content, indent=2))
