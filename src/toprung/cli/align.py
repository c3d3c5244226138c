"""``toprung align``: lay a clean plate over a photo."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="align")
@click.argument("plate", metavar="A", type=click.Path(path_type=Path))
@click.argument("photo", metavar="B", type=click.Path(path_type=Path))
@click.option("--method", default="auto", show_default=True, help="auto, or a baseline: corners, none.")
@click.option(
    "--points", type=click.Path(path_type=Path), help="Take hand-made point pairs from this CSV file instead."
)
@click.option("--out", type=click.Path(path_type=Path), help="Write alignment.json, aligned, residual and blend here.")
@click.option("--web", is_flag=True, help="Open a page to click point pairs on both photos; it saves to --out.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the page; a free one when left out.")
@click.option("--no-open", is_flag=True, help="Print the page's address without opening a browser.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
def command(
    plate: Path,
    photo: Path,
    method: str,
    points: Path | None,
    out: Path | None,
    web: bool,
    port: int,
    no_open: bool,
    as_json: bool,
) -> None:
    """Find the transform from the plate A (the scene without the object) to the photo B.

    The exit code is 1 when the pictures or the pairs do not support one. CSV columns of --points: plate_x, plate_y,
    photo_x, photo_y, in pixels, the first pixel's centre at 0.

    \b
    toprung align plate.jpg photo.jpg --out aligned
    toprung align plate.jpg photo.jpg --web
    toprung align plate.jpg photo.jpg --points alignment/points.csv
    """
    if points is not None and method != "auto":
        raise click.UsageError("--points takes the place of --method: leave one out.")
    if web:
        if as_json:
            raise click.UsageError("--web serves a page: leave out --json.")
        from toprung.cutting.align.page.server import open_browser, serve_page

        start_browser = None if no_open else open_browser
        serve_page(plate, photo, points, method, out or Path("alignment"), port, start_browser, click.echo)
        return
    if port or no_open:
        raise click.UsageError("--port and --no-open belong to --web.")
    from toprung.cutting.align.told import align_files

    told = align_files(plate, photo, method, points, out)
    if as_json:
        import json

        click.echo(json.dumps(told.content, indent=2, allow_nan=False))
    else:
        for line in told.lines():
            click.echo(line)
    if not told.ok:
        click.get_current_context().exit(1)
