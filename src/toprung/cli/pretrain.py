"""``toprung pretrain``: from a folder of pictures without labels to an encoder."""

from __future__ import annotations

import os
from pathlib import Path

import click

from toprung.training.presets import compose, preset_names, require_kind
from toprung.training.recipe import parse_assignment

_DEFAULT = "mae-pretrain-small"
_SHORTCUTS = {
    "model": "model.name",
    "weights": "model.weights",
    "epochs": "schedule.epochs",
    "batch_size": "optimisation.batch_size",
    "img_size": "model.img_size",
    "lr": "optimisation.lr",
    "seed": "seed",
    "val_fraction": "data.val_fraction",
    "on_unreadable": "data.on_unreadable",
    "device": "hardware.device",
}


@click.command(name="pretrain")
@click.argument("pictures", type=click.Path(path_type=Path), required=False)
@click.option("--model", help="A plain ViT by its timm name. [default: the preset's]")
@click.option(
    "--weights",
    help="'none', or where to start from: a weights file with or without a decoder, a run, or 'pretrained' "
    "(downloaded). [default: the preset's, none]",
)
@click.option(
    "--preset",
    "preset_name",
    metavar="NAME",
    help=f"Starting point of the recipe: {', '.join(preset_names('pretraining'))}. [default: {_DEFAULT}]",
)
@click.option(
    "--recipe", "recipe_file", type=click.Path(path_type=Path), help="Take the recipe from a TOML file, on the preset."
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="A.B=V",
    help="Change one setting, such as pretraining.mask_ratio=0.6; may be repeated. `toprung recipe` lists all.",
)
@click.option("--epochs", type=int, help="Short for --set schedule.epochs=N.")
@click.option("--batch-size", type=int, help="Short for --set optimisation.batch_size=N.")
@click.option("--img-size", type=int, help="Short for --set model.img_size=N.")
@click.option("--lr", type=float, help="Short for --set optimisation.lr=X.")
@click.option("--seed", type=int, help="One number that fixes what is held out, order, masks and initial weights.")
@click.option("--val-fraction", type=float, help="Share held out to see how well unseen pictures are reconstructed.")
@click.option("--on-unreadable", type=click.Choice(["skip", "error"]), help="Leave unreadable files out, or stop.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), help="Where to compute.")
@click.option("--out", type=click.Path(path_type=Path), help="The run folder to make. [default: a new one in --runs]")
@click.option("--runs", type=click.Path(path_type=Path), help="Where runs go. [default: runs]")
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Continue an interrupted pretraining.")
def command(
    pictures: Path | None,
    preset_name: str | None,
    recipe_file: Path | None,
    assignments: tuple[str, ...],
    out: Path | None,
    runs: Path | None,
    resume: Path | None,
    **options: object,
) -> None:
    """Pretrain a ViT on PICTURES, a folder of any pictures (or a CSV or Parquet file), as a masked autoencoder.

    Labels are not needed, and not looked at. What comes out is an encoder to start `toprung train` from.

    \b
    toprung pretrain photos --model vit_small_patch16_224
    toprung pretrain photos --model vit_base_patch16_224 --weights mae_pretrain_vit_base_full.pth
    toprung pretrain --resume runs/vit_small_patch16_224-mae-pretrain-small
    """
    from toprung.ladder.display import RichDisplay

    if resume is not None:
        given = [pictures, preset_name, recipe_file, out, runs, *options.values()]
        if any(value is not None for value in given) or assignments:
            raise click.UsageError(
                "--resume goes on with the run's own pictures and recipe: give nothing else with it."
            )
        from toprung.ladder.pretraining import resume_pretraining

        run = resume_pretraining(resume, display=RichDisplay())
    else:
        if pictures is None:
            raise click.UsageError("Missing argument 'PICTURES': the folder of pictures.")
        given_settings = {_SHORTCUTS[name]: value for name, value in options.items() if value is not None}
        require_kind(preset_name or _DEFAULT, "pretraining")
        recipe = compose(
            preset_name or _DEFAULT, given_settings | dict(map(parse_assignment, assignments)), file=recipe_file
        )
        from toprung.ladder.pretraining import pretrain

        run = pretrain(pictures, recipe, out=out, runs=runs or Path("runs"), display=RichDisplay())
    if os.environ.get("RANK", "0") == "0":  # of several processes the first speaks
        record = run.record()
        click.echo(f"best       epoch {record['best_epoch']}, loss on held-out pictures {record['best_loss']:.4f}")
        click.echo(f"page       {run.report_file}")
        click.echo(f"next       toprung train LABELLED --weights {run.path} --model {record['model']}")
