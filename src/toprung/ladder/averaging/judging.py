"""Make the mean of some parents, and see how it and they answer pictures."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from toprung.checkpoints.averaging import AverageAccount, average_files
from toprung.data.eval_view import EvalView
from toprung.data.loaders import EvalLoader, normalise
from toprung.data.table import Table
from toprung.errors import DataError, RunError
from toprung.evaluation.predictions import Predictions
from toprung.ladder.averaging.methods import Judgement
from toprung.ladder.averaging.parents import Parent
from toprung.ladder.display import Display
from toprung.runs.classifier import Classifier
from toprung.runs.model import WEIGHTS_FILE, ModelCard, load_model, write_card
from toprung.runs.weights_file import write_weights
from toprung.seeding import generator
from toprung.training.batchnorm import has_batch_statistics, recompute_statistics

STATISTICS_PICTURES = 4096  # of the training pictures, drawn by the seed: more do not change a mean that anyone can see


class Kitchen:
    """Makes means of the parents and scores them; each parent is scored at most once per picture.

    Args:
        parents: what is averaged.
        card: of all of them.
        train: training pictures, for BatchNorm's statistics.
        device: where to compute.
        batch_size: pictures at a time.
        seed: of the order of training pictures.
        scratch: a folder for weights that are tried.
        display: where to show progress.
    """

    def __init__(
        self,
        parents: Sequence[Parent],
        card: ModelCard,
        train: Table,
        *,
        device: torch.device,
        batch_size: int,
        seed: int,
        scratch: Path,
        display: Display,
    ) -> None:
        self._parents = parents
        self._card = card
        self._train = train
        self._device = device
        self._batch_size = batch_size
        self._seed = seed
        self._scratch = scratch
        self._display = display

    def make(self, shares: Sequence[float], folder: Path) -> tuple[AverageAccount, int]:
        """Write the weighted mean as a saved model; return its account and how many pictures BatchNorm saw.

        Raises:
            WeightsError, DataError, StorageError: as :func:`average_files`; training pictures that are gone.
        """
        write_card(folder, self._card)
        file = folder / WEIGHTS_FILE
        with self._display.reading("averaging") as progress:
            account = average_files([parent.file for parent in self._parents], shares, file, progress=progress)
        if sum(share > 0 for share in shares) < 2:
            return account, 0  # a parent as it is, with its own statistics
        module, _ = load_model(folder)
        if not has_batch_statistics(module):
            return account, 0
        pictures = self._renew_statistics(module.to(self._device))
        write_weights(file, module)
        return account, pictures

    def predict_mean(self, shares: Sequence[float], part: Table) -> Predictions:
        """Return what the weighted mean says of pictures; a share of 1 asks for the parent itself."""
        if max(shares) == 1:
            return self.predict_parent(list(shares).index(1), part)
        with tempfile.TemporaryDirectory(dir=self._scratch) as name:
            self.make(shares, Path(name))
            return self.predict(Path(name), part)

    def predict_parent(self, place: int, part: Table) -> Predictions:
        """Return what a parent says of pictures: what its run has stored, or by running it."""
        parent = self._parents[place]
        stored = _stored(parent, part) if parent.run is not None else None
        if stored is not None:
            return stored
        if parent.card is not None:
            return self.predict(parent.file.parent, part)
        with tempfile.TemporaryDirectory(dir=self._scratch) as name:
            self.make([float(other == place) for other in range(len(self._parents))], Path(name))
            return self.predict(Path(name), part)

    def judge(self, shares: Sequence[float], part: Table) -> Judgement:
        """Return how good the weighted mean is on pictures.

        Raises:
            RunError: its answers are NaN or infinite.
        """
        return judgement_of(self.predict_mean(shares, part))

    def predict(self, folder: Path, part: Table) -> Predictions:
        """Return what a saved model says of pictures.

        Raises:
            DataError: a picture cannot be read any more.
        """
        module, card = load_model(folder)
        classifier = Classifier(module.to(self._device), card)
        logits = np.empty((len(part), len(card.classes)), dtype=np.float32)
        done = 0
        with self._display.reading("scoring") as progress:
            for rows, found, failures in classifier.stream(part.paths, batch_size=self._batch_size):
                if failures:
                    raise DataError(f"a picture cannot be read any more: {failures[0][1]}")
                logits[rows] = found
                done += len(rows)
                progress(done, len(part))
        return Predictions(tuple(map(str, part.paths)), part.hashes, part.labels, logits, card.classes)

    def _renew_statistics(self, module: nn.Module) -> int:
        if len(self._train) == 0:
            raise DataError(
                "the model has BatchNorm and there are no training pictures to compute its statistics from."
            )
        order = generator(self._seed, "statistics").permutation(len(self._train))[:STATISTICS_PICTURES]
        part = self._train.take(order)
        loader = EvalLoader(part.paths, part.labels, EvalView(self._card.preprocessing), batch_size=self._batch_size)
        recompute_statistics(module, self._inputs(loader, len(part)))
        if loader.failures:
            raise DataError(f"a training picture cannot be read any more: {loader.failures[0].error}")
        return len(part)

    def _inputs(self, loader: EvalLoader, total: int) -> Iterator[Tensor]:
        how, done = self._card.preprocessing, 0
        with self._display.reading("statistics") as progress:
            for batch in loader:
                size = len(batch.rows)
                # every batch counts alike, so a small last one would count for too much
                if size == self._batch_size or done == 0:
                    yield normalise(batch.images.to(self._device), how.mean, how.std)
                done += size
                progress(done, total)


def judgement_of(predictions: Predictions) -> Judgement:
    """Return accuracy and log-loss alone; :func:`toprung.evaluation.metrics.score` takes its time for intervals.

    Raises:
        RunError: a logit is NaN or infinite.
    """
    if not np.isfinite(predictions.logits).all():
        raise RunError("the averaged model answers NaN or infinity; leave out the model that has diverged.")
    shifted = predictions.logits.astype(np.float64) - predictions.logits.max(axis=1, keepdims=True)
    own = shifted[np.arange(len(predictions)), predictions.labels]
    losses = np.log(np.exp(shifted).sum(axis=1)) - own
    return Judgement(float((predictions.predicted == predictions.labels).mean()), float(losses.mean()))


def _stored(parent: Parent, part: Table) -> Predictions | None:
    """Return a run's own predictions of these pictures, where it has all of them."""
    assert parent.run is not None
    found: dict[str, np.ndarray] = {}
    for split in ("val", "test"):
        file = parent.run.predictions_file(split)
        if not file.is_file():
            continue
        try:
            predictions = Predictions.read(file)
        except RunError:
            continue  # damaged: the model itself is asked
        if parent.card is not None and predictions.classes == parent.card.classes:
            found |= dict(zip(predictions.hashes, predictions.logits, strict=True))
    if "" in part.hashes or any(content not in found for content in part.hashes):
        return None
    assert parent.card is not None
    logits = np.stack([found[content] for content in part.hashes])
    return Predictions(tuple(map(str, part.paths)), part.hashes, part.labels, logits, parent.card.classes)
