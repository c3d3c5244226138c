"""What masked autoencoding gives the training loop: masks by position, the objective, the loss on held-out pictures.

Legend: B pictures, L patches of a picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn

from toprung.data.cache import fits_in_memory
from toprung.data.loaders import normalise
from toprung.data.preprocessing import Preprocessing
from toprung.data.table import Table
from toprung.errors import DataError
from toprung.seeding import generator
from toprung.training.parts import Prepare, TrainBatch, Validate, Validation
from toprung.training.recipe import Recipe
from toprung.training.scoring import RememberedBatches, eval_loader


def reconstruction(model: nn.Module, images: Tensor, noise: Tensor) -> Tensor:
    """Return a masked autoencoder's loss per picture ``(B,)``; the objective of pretraining."""
    losses: Tensor = model(images, noise)
    return losses


def step_noise(seed: int, step: int, pictures: int, patches: int) -> Tensor:
    """Return ``(B, L)`` float32 in [0, 1): what hides the patches of a step's pictures, over all processes."""
    return torch.from_numpy(generator(seed, "mask", step).random((pictures, patches), dtype=np.float32))


def picture_noise(seed: int, rows: Sequence[int], patches: int) -> Tensor:
    """Return ``(B, L)`` float32 in [0, 1): what hides the patches of held-out pictures, the same in every epoch."""
    drawn = [generator(seed, "held-out mask", row).random(patches, dtype=np.float32) for row in rows]
    return torch.from_numpy(np.stack(drawn)) if drawn else torch.empty(0, patches)


def make_mask_preparer(recipe: Recipe, preprocessing: Preprocessing, patches: int, accelerator: Accelerator) -> Prepare:
    """Return the function from a batch and its step to normalised pictures and their noise, on the device.

    Several processes hide what one would: each takes its rows of the step's noise, as it takes its part of the batch.
    """
    rank, world, device = accelerator.process_index, accelerator.num_processes, accelerator.device

    def prepare(batch: TrainBatch, step: int) -> tuple[Tensor, Tensor]:
        count = len(batch.images)
        noise = step_noise(recipe.seed, step, count * world, patches)[rank * count : (rank + 1) * count]
        images = batch.images.to(device, non_blocking=True)
        return normalise(images, preprocessing.mean, preprocessing.std), noise.to(device)

    return prepare


def make_reconstruction_validator(
    held_out: Table, preprocessing: Preprocessing, recipe: Recipe, patches: int, accelerator: Accelerator
) -> Validate:
    """Return the function that takes the mean loss over held-out pictures, whose masks are always the same.

    Each process takes every n-th picture, and all get the whole result.
    """
    loader = eval_loader(held_out, preprocessing, recipe, accelerator)
    height, width = preprocessing.size
    batches = RememberedBatches(loader) if fits_in_memory(3 * height * width * len(held_out)) else loader

    def validate(model: nn.Module) -> Validation:
        by_row: dict[int, float] = {}
        for batch in batches:
            rows = batch.rows.tolist()
            images = normalise(batch.images.to(accelerator.device), preprocessing.mean, preprocessing.std)
            noise = picture_noise(recipe.seed, rows, patches).to(accelerator.device)
            by_row |= dict(zip(rows, model(images, noise).double().tolist(), strict=True))
        if loader.failures:
            raise DataError(f"a picture cannot be read any more: {loader.failures[0].error}")
        if accelerator.num_processes > 1:
            by_row = {row: loss for share in gather_object([by_row]) for row, loss in share.items()}
        return Validation(accuracy=None, loss=sum(by_row[row] for row in sorted(by_row)) / len(by_row))

    return validate
