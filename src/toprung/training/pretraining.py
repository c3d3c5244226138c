"""Put a pretraining's parts together (loader, masks, accelerator) and train."""

from __future__ import annotations

from pathlib import Path

from accelerate import Accelerator

from toprung.data.preprocessing import Preprocessing
from toprung.data.table import Table
from toprung.models.mae import MaskedAutoencoder
from toprung.training.autoencoder import write_autoencoder
from toprung.training.feeding import make_cache, make_train_loader
from toprung.training.fitting import Watch, Work, fit_stages, on_device
from toprung.training.hardware import HardwarePlan
from toprung.training.loop import Trainer
from toprung.training.masked import make_mask_preparer, make_reconstruction_validator, reconstruction
from toprung.training.parts import place_stages
from toprung.training.recipe import Recipe
from toprung.training.stages import stage_recipes


def pretrain_model(
    module: MaskedAutoencoder,
    *,
    recipe: Recipe,
    plan: HardwarePlan,
    table: Table,
    preprocessing: Preprocessing,
    last_file: Path,
    best_file: Path,
    accelerator: Accelerator,
    watch: Watch,
    resume: bool,
) -> Trainer:
    """Train the autoencoder on the table's train split; the weights with the least loss on its val split are kept.

    Arguments, result and errors are those of :func:`toprung.training.fitting.fit_model`, but for ``best_file``: it
    gets the encoder, and a file beside it encoder and decoder, see
    :func:`toprung.training.autoencoder.write_autoencoder`.
    """
    patches, train = module.patches, table.split("train")
    cache = make_cache(recipe, preprocessing, last_file.parent)
    recipes = stage_recipes(recipe)
    loaders = [make_train_loader(train, one, preprocessing, cache, accelerator) for one in recipes]
    work = Work(
        module=on_device(module, plan, accelerator, compiled=recipe.hardware.compile),
        plan=plan,
        accelerator=accelerator,
        objective=lambda stage: reconstruction,
        prepare=lambda stage: make_mask_preparer(stage, preprocessing, patches, accelerator),
        validate=make_reconstruction_validator(table.split("val"), preprocessing, recipe, patches, accelerator),
        last_file=last_file,
        best_file=best_file,
        write_best=write_autoencoder,
    )
    return fit_stages(work, place_stages(recipes, loaders), watch, resume=resume)
