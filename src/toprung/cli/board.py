"""``toprung board``: rank the runs of a folder."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="board")
@click.argument("runs", type=click.Path(path_type=Path), default=Path("runs"))
@click.option("--split", type=click.Choice(["test", "val"]), help="Rank by this split alone; else test, or val.")
@click.option("--watch", is_flag=True, help="Show it anew every few seconds, until the climb in RUNS has ended.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
def command(runs: Path, split: str | None, watch: bool, as_json: bool) -> None:
    """Rank the runs in the folder RUNS (default: runs), best first, each with its 95 % interval.

    Runs with a test score come first; runs with only a validation score are ranked apart, as the best epoch
    was chosen on those pictures. Runs that cannot be told apart from the best are marked, by paired tests that take
    into account how many runs there are.

    \b
    toprung board
    toprung board runs/quick --watch
    """
    if watch:
        if as_json:
            raise click.UsageError("--watch draws on the terminal: leave out --json.")
        from toprung.ladder.board_watch import watch_board

        watch_board(runs, split=split)
        return
    from toprung.ladder.board import print_board, read_board

    rows = read_board(runs, split=split)
    if as_json:
        import json

        click.echo(json.dumps({"format": 1, "runs": [row.to_json() for row in rows]}, indent=2, allow_nan=False))
    else:
        print_board(rows)
