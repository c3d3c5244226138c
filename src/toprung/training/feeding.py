"""From a recipe to batches: the training loader, its cache, and what is done to a batch before the model."""

from __future__ import annotations

from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor

from toprung.data.augment import TrainView
from toprung.data.cache import DiskStore, PixelCache, RamStore, Store, crop_side
from toprung.data.loaders import TrainLoader, normalise
from toprung.data.mixing import Mixing, smooth_targets
from toprung.data.preprocessing import Preprocessing
from toprung.data.table import Table
from toprung.training.parts import Prepare, TrainBatch
from toprung.training.recipe import Recipe


def train_view(recipe: Recipe, preprocessing: Preprocessing) -> TrainView:
    """Return the random changes to one training picture that a recipe asks for."""
    augment = recipe.augment
    return TrainView(
        size=preprocessing.size,
        scale=(augment.scale_min, 1.0),
        flip=augment.flip,
        vertical_flip=augment.vertical_flip,
        color_jitter=augment.color_jitter,
        auto_augment=augment.auto_augment,
        magnitude=augment.magnitude,
        magnitude_std=augment.magnitude_std,
        operations=augment.operations,
        erasing=augment.erasing,
        interpolation=preprocessing.interpolation,
    )


def make_train_loader(
    train: Table, recipe: Recipe, preprocessing: Preprocessing, cache: PixelCache | None, accelerator: Accelerator
) -> TrainLoader:
    """Return the loader of a recipe.

    Raises:
        RecipeError, DataError: as :class:`TrainLoader`.
    """
    return TrainLoader(
        train,
        train_view(recipe, preprocessing),
        batch_size=recipe.optimisation.batch_size,
        seed=recipe.seed,
        threads=recipe.data.threads or None,
        rank=accelerator.process_index,
        world=accelerator.num_processes,
        cache=cache,
        balanced=recipe.data.balanced,
        background=preprocessing.background,
        pin=accelerator.device.type == "cuda",
    )


def make_cache(recipe: Recipe, preprocessing: Preprocessing, folder: Path) -> PixelCache | None:
    """Return the cache of decoded pictures that a recipe asks for; one on disk is made in ``folder``.

    Raises:
        StorageError: as :class:`DiskStore`.
    """
    store: Store
    if recipe.data.cache == "ram":
        store = RamStore()
    elif recipe.data.cache == "disk":
        store = DiskStore(folder)
    else:
        return None
    side = crop_side(preprocessing.size, recipe.augment.scale_min)
    return PixelCache(store, side=side, background=preprocessing.background)


def make_preparer(recipe: Recipe, preprocessing: Preprocessing, classes: int, device: torch.device) -> Prepare:
    """Return the function from a batch and its step to normalised, mixed inputs and soft targets on the device."""
    augment, smoothing = recipe.augment, recipe.optimisation.label_smoothing
    mixing = None
    if augment.mixup > 0 or augment.cutmix > 0:
        mixing = Mixing(
            mixup=augment.mixup,
            cutmix=augment.cutmix,
            probability=augment.mix_probability,
            label_smoothing=smoothing,
            num_classes=classes,
            seed=recipe.seed,
        )

    def prepare(batch: TrainBatch, step: int) -> tuple[Tensor, Tensor]:
        images = batch.images.to(device, non_blocking=True)
        labels = batch.labels.to(device, non_blocking=True)
        inputs = normalise(images, preprocessing.mean, preprocessing.std)
        if mixing is None:
            return inputs, smooth_targets(labels, classes, smoothing)
        return mixing(inputs, labels, step)

    return prepare
