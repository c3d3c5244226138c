"""``toprung report``: write a run's page anew."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="report")
@click.argument("run", metavar="RUN_OR_CLIMB", type=click.Path(path_type=Path))
def command(run: Path) -> None:
    """Write the page of a run, or of a climb, anew from what its folder holds, and print where it stands.

    A run's page is written when its training ends; this writes it for a run that was interrupted or failed, after
    a folder was moved, or with a newer toprung. Nothing is computed again.
    """
    from toprung.errors import RunError
    from toprung.ladder.report import write_report
    from toprung.runs.folder import RunFolder

    if (run / "climb.json").is_file():
        from toprung.ladder.climb.page.write import write_climb_page

        click.echo(write_climb_page(run))
        return
    if run.is_dir() and not RunFolder(run).record_file.exists():
        raise RunError(f"{run} is not a run folder: it holds no run.json; give a folder such as runs/NAME.")
    click.echo(write_report(run))
