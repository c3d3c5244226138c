"""The command line: each verb in its own file, loaded only when it is used."""

from __future__ import annotations

import difflib
import importlib
import os
import sys

import click

from toprung.errors import ToprungError
from toprung.version import __version__

# verb -> one line of help. Each stands in toprung/cli/<verb>.py as `command`; the lines are kept here so that
# `toprung --help` imports none of them.
VERBS = {
    "data": "Report on a folder of pictures: counts, duplicates, leaks, unreadable files.",
    "climb": "Climb a ladder of models: train, compare and fuse them, within a time budget.",
    "train": "Train a classifier on a folder of labelled pictures.",
    "search": "Search the settings of a recipe, on the selection split.",
    "folds": "Train by k folds; every picture predicted by a model that did not learn it.",
    "plan": "Tell how a model trains in the memory there is.",
    "pretrain": "Pretrain a ViT on pictures without labels.",
    "average": "Average the weights of runs into a new run.",
    "fuse": "Put the answers of runs together into a new run.",
    "inspect": "Tell what a weights file is, and what loading it would do.",
    "validate": "Score a run's model on its own or other labelled pictures.",
    "calibrate": "Make a run's confidence honest: temperature, threshold, prediction sets.",
    "predict": "Predict pictures with a run's model and write a CSV.",
    "export": "Write a run's model as ONNX, TorchScript or OpenVINO, checked against the run.",
    "board": "Rank runs, with intervals.",
    "compare": "Tell whether one model is better than another, or whether it is chance.",
    "report": "Write a run's page anew.",
    "align": "Align a clean background plate to a photo.",
    "cutout": "Cut the objects out of photos, with a verdict on each.",
    "recipe": "Show presets and every setting of a recipe.",
}


class LazyGroup(click.Group):
    """Loads a verb's file when the verb is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which they are used."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb."""
        if cmd_name not in VERBS:
            return None
        return importlib.import_module(f"toprung.cli.{cmd_name}").command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest verb for one that does not exist."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = difflib.get_close_matches(args[0], VERBS, n=1)
            if close and "Did you mean" not in error.message:
                raise click.UsageError(f"{error.message} Did you mean '{close[0]}'?", ctx) from error
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="toprung")
def group() -> None:
    """From a folder of labelled pictures to the most accurate classifier, with results to trust."""


def main() -> None:
    """Run the command line: a user's mistake prints one message and exits with its code, without a traceback."""
    try:
        code = group.main(prog_name="toprung", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except ToprungError as error:
        click.echo(click.style("error: ", fg="red", bold=True) + str(error), err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `toprung ... | head` is no error
        sys.exit(141)
