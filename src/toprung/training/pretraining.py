"""Put a pretraining's parts together (loader, masks, optimiser, accelerator) and train."""

from __future__ import annotations

from pathlib import Path

from accelerate import Accelerator

from toprung.data.preprocessing import Preprocessing
from toprung.data.table import Table
from toprung.models.mae import MaskedAutoencoder
from toprung.training.autoencoder import write_autoencoder
from toprung.training.feeding import make_train_loader
from toprung.training.fitting import Watch, put_in_place
from toprung.training.hardware import HardwarePlan
from toprung.training.loop import Trainer
from toprung.training.masked import make_mask_preparer, make_reconstruction_validator, reconstruction
from toprung.training.optimizer import make_optimizer
from toprung.training.parameters import parameter_groups
from toprung.training.recipe import Recipe
from toprung.training.state import Progress


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
) -> Progress:
    """Train the autoencoder on the table's train split; the weights with the least loss on its val split are kept.

    Arguments and errors are those of :func:`toprung.training.fitting.fit_model`, but for ``best_file``: it gets the
    encoder, and the file beside it encoder and decoder (:func:`toprung.training.autoencoder.write_autoencoder`).
    """
    put_in_place(module, recipe, plan, accelerator)
    patches, settings = module.patches, recipe.optimisation
    batches = make_train_loader(table.split("train"), recipe, preprocessing, last_file.parent, accelerator)
    trainer = Trainer(
        module,
        recipe=recipe,
        plan=plan,
        accelerator=accelerator,
        optimizer=make_optimizer(
            settings, parameter_groups(module, lr=settings.peak_lr, weight_decay=settings.weight_decay)
        ),
        objective=reconstruction,
        prepare=make_mask_preparer(recipe, preprocessing, patches, accelerator),
        validate=make_reconstruction_validator(table.split("val"), preprocessing, recipe, patches, accelerator),
        last_file=last_file,
        best_file=best_file,
        write_best=write_autoencoder,
    )
    if resume:
        trainer.restore()
    total = recipe.schedule.epochs * batches.batches_per_epoch
    with watch(accelerator, total, trainer.progress) as observer:
        return trainer.fit(batches, observer)
