"""Score a model on a split, in one process or shared among several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from toprung.data.cache import fits_in_memory
from toprung.data.eval_view import EvalView
from toprung.data.loaders import Batch, EvalLoader
from toprung.data.preprocessing import Preprocessing
from toprung.data.table import Table
from toprung.errors import DataError
from toprung.evaluation.predict import predict_all
from toprung.training.parts import Validation
from toprung.training.recipe import Recipe


class RememberedBatches:
    """Batches that are decoded once: the pictures of a split at input size are the same in every epoch."""

    def __init__(self, loader: EvalLoader) -> None:
        self._loader = loader
        self._kept: list[Batch] = []

    def __iter__(self) -> Iterator[Batch]:
        if self._kept:
            yield from self._kept
            return
        kept = []
        for batch in self._loader:
            kept.append(batch)
            yield batch
        self._kept = kept


def make_validator(
    val: Table, preprocessing: Preprocessing, recipe: Recipe, accelerator: Accelerator
) -> Callable[[nn.Module], Validation]:
    """Return the function that scores a model on the val split; each process takes every n-th picture."""
    labels = torch.from_numpy(val.labels.copy())
    loader = eval_loader(val, preprocessing, recipe, accelerator)
    height, width = preprocessing.size
    batches = RememberedBatches(loader) if fits_in_memory(3 * height * width * len(val)) else loader

    def validate(model: nn.Module) -> Validation:
        rows, logits = _predict(model, batches, loader, preprocessing, accelerator)
        scores = torch.from_numpy(logits)
        truth = labels[torch.from_numpy(rows)]
        accuracy = (scores.argmax(dim=1) == truth).double().mean()
        return Validation(accuracy=float(accuracy), loss=float(F.cross_entropy(scores.double(), truth)))

    return validate


def predict_table(
    model: nn.Module, table: Table, preprocessing: Preprocessing, recipe: Recipe, accelerator: Accelerator
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return rows ``(N,)`` int64 ascending and logits ``(N, C)`` float32 for every picture of a table.

    With several processes each takes its share, and all get the whole result, every picture exactly once.

    Raises:
        DataError: a picture that was readable before training no longer is.
    """
    loader = eval_loader(table, preprocessing, recipe, accelerator)
    return _predict(model, loader, loader, preprocessing, accelerator)


def eval_loader(table: Table, preprocessing: Preprocessing, recipe: Recipe, accelerator: Accelerator) -> EvalLoader:
    """Return the loader of a table's pictures as they are scored; each process takes every n-th."""
    return EvalLoader(
        table.paths,
        table.labels,
        EvalView(preprocessing),
        batch_size=max(recipe.optimisation.batch_size // accelerator.num_processes, 1),
        threads=recipe.data.threads or None,
        rank=accelerator.process_index,
        world=accelerator.num_processes,
        pin=accelerator.device.type == "cuda",
    )


def _predict(
    model: nn.Module,
    batches: Iterable[Batch],
    loader: EvalLoader,
    preprocessing: Preprocessing,
    accelerator: Accelerator,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    rows, logits = predict_all(model, batches, preprocessing)
    if loader.failures:
        raise DataError(f"a picture cannot be read any more: {loader.failures[0].error}")
    if accelerator.num_processes > 1:
        shares = [share for share in gather_object([(rows, logits)]) if len(share[0])]
        rows, logits = (np.concatenate(parts) for parts in zip(*shares, strict=True))
    order = rows.argsort()
    return rows[order], logits[order]
