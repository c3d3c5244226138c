"""``toprung train``: from a folder of labelled pictures to a run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from toprung.training.presets import compose, preset_names, require_kind
from toprung.training.recipe import parse_assignment


@click.command(name="train")
@click.argument("pictures", type=click.Path(path_type=Path), required=False)
@click.option("--model", help="Any timm model name. [default: the preset's]")
@click.option(
    "--weights",
    help="'pretrained' (downloaded), 'none', a weights file, a run, or 'package:NAME'. [default: the preset's]",
)
@click.option(
    "--preset",
    "preset_name",
    metavar="NAME",
    help=f"Starting point of the recipe: {', '.join(preset_names('training'))}. [default: finetune]",
)
@click.option(
    "--recipe", "recipe_file", type=click.Path(path_type=Path), help="Take the recipe from a TOML file, on the preset."
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="A.B=V",
    help="Change one setting, such as optimisation.lr=1e-4; may be repeated. `toprung recipe` lists all.",
)
@click.option("--epochs", type=int, help="Short for --set schedule.epochs=N.")
@click.option(
    "--batch-size",
    "--effective-batch",
    "batch_size",
    type=int,
    help="Short for --set optimisation.batch_size=N: pictures per optimiser step, over all processes.",
)
@click.option("--img-size", type=int, help="Short for --set model.img_size=N.")
@click.option("--lr", type=float, help="Short for --set optimisation.lr=X.")
@click.option("--seed", type=int, help="One number that fixes split, order, augmentation and initial weights.")
@click.option("--val-fraction", type=float, help="Share set aside for validation where PICTURES has no val.")
@click.option("--test-fraction", type=float, help="Share set aside for the test where PICTURES has no test.")
@click.option("--folds", type=int, help="k-fold validation with so many folds, of which --fold validates.")
@click.option("--fold", type=int, help="Which fold validates, from 0.")
@click.option("--on-unreadable", type=click.Choice(["skip", "error"]), help="Leave unreadable files out, or stop.")
@click.option("--refuse-leaks", is_flag=True, default=None, help="Stop when a picture stands in two splits.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), help="Where to compute.")
@click.option("--freeze", help="Short for --set optimisation.freeze=…: none, backbone, blocks:N, or names:PATTERN.")
@click.option(
    "--from",
    "parent",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Go on from a run: its weights, its recipe under the preset, and its pictures unless others are given.",
)
@click.option("--out", type=click.Path(path_type=Path), help="The run folder to make. [default: a new one in --runs]")
@click.option("--runs", type=click.Path(path_type=Path), help="Where runs go. [default: runs]")
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Continue an interrupted run.")
def command(
    pictures: Path | None,
    model: str | None,
    weights: str | None,
    preset_name: str | None,
    recipe_file: Path | None,
    assignments: tuple[str, ...],
    parent: Path | None,
    out: Path | None,
    runs: Path | None,
    resume: Path | None,
    **shortcuts: object,
) -> None:
    """Train a classifier on PICTURES: a folder of class folders, a folder with train/ and val/ (and test/), or a
    CSV or Parquet file with the columns path and label (and split and group).

    \b
    toprung train photos
    toprung train photos --preset quick --model resnet50.a1_in1k
    toprung train photos --model vit_base_patch16_224.augreg2_in21k_ft_in1k --set model.drop_path=0.1
    toprung train --from runs/resnet50-quick --preset swa
    toprung train --resume runs/resnet50-quick
    """
    from toprung.ladder.display import RichDisplay

    if resume is not None:
        given = [pictures, model, weights, preset_name, recipe_file, parent, out, runs, *shortcuts.values()]
        if any(value is not None for value in given) or assignments:
            raise click.UsageError(
                "--resume goes on with the run's own pictures and recipe: give nothing else with it."
            )
        from toprung.ladder.rung import resume_rung

        run = resume_rung(resume, display=RichDisplay())
    else:
        settings = _settings(model, weights, shortcuts, assignments)
        if parent is not None:
            from toprung.ladder.parent import pictures_of, recipe_of

            base, pictures = recipe_of(parent), pictures or pictures_of(parent)
        else:
            base = None
        if pictures is None:
            raise click.UsageError("Missing argument 'PICTURES': the folder of labelled pictures.")
        require_kind(preset_name or "finetune", "training")
        recipe = compose(preset_name or "finetune", settings, base=base, file=recipe_file)
        from toprung.ladder.rung import climb_rung

        run = climb_rung(pictures, recipe, out=out, runs=runs or Path("runs"), display=RichDisplay())
    if os.environ.get("RANK", "0") == "0":  # of several processes the first speaks
        _show(run.path)


_SHORTCUTS = {
    "epochs": "schedule.epochs",
    "batch_size": "optimisation.batch_size",
    "img_size": "model.img_size",
    "lr": "optimisation.lr",
    "seed": "seed",
    "val_fraction": "data.val_fraction",
    "test_fraction": "data.test_fraction",
    "folds": "data.folds",
    "fold": "data.fold",
    "on_unreadable": "data.on_unreadable",
    "refuse_leaks": "data.refuse_leaks",
    "device": "hardware.device",
    "freeze": "optimisation.freeze",
}


def _settings(
    model: str | None, weights: str | None, shortcuts: dict[str, object], assignments: tuple[str, ...]
) -> dict[str, Any]:
    """Return the settings that were given, by their dotted names: options, then --set, which wins."""
    options: dict[str, object] = {"model.name": model, "model.weights": weights}
    options |= {_SHORTCUTS[name]: value for name, value in shortcuts.items()}
    settings = {name: value for name, value in options.items() if value is not None}
    return settings | dict(parse_assignment(text) for text in assignments)


def _show(path: Path) -> None:
    """Print the scores, and what to do next."""
    from rich.console import Console

    from toprung.ladder.control_table import print_controls
    from toprung.ladder.run import Run
    from toprung.ladder.score_table import print_scores

    console = Console(highlight=False)
    run = Run(path)
    for split, scores in run.scores.items():
        print_scores({"split": split} | scores, console)
    print_controls(run.record, run.scores, console)
    console.print(f"page       {path / 'report.html'}", soft_wrap=True)
    console.print(f"next       toprung predict {path} PICTURES -o predictions.csv", soft_wrap=True)
