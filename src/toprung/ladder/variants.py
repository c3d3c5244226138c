"""The other models of a run: kept and scored beside its own, so that what a method gave can be told.

An averaged model is only worth its name beside its controls. Each is a run folder of its own in ``variants/``: the last
weights of the same training (``last``), the same with BatchNorm statistics computed anew as the average's are
(``last-statistics``, so that this is not taken for a gain of averaging), those of the best epoch (``best-epoch``), and
what the training started from (``start``, predictions only).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from toprung.data.loaders import normalise
from toprung.data.preprocessing import Preprocessing
from toprung.data.table import Table
from toprung.errors import RunError
from toprung.evaluation.predictions import Predictions
from toprung.evaluation.significance import PairedOutcome, mcnemar
from toprung.ladder.controls import WORDS
from toprung.runs.folder import CARD_FILE, RunFolder
from toprung.runs.weights_file import write_weights
from toprung.storage import make_folder, replacing
from toprung.training.batchnorm import frozen_layers, has_batch_statistics, recompute_statistics
from toprung.training.loop import Trainer


@dataclass(frozen=True)
class Control:
    """An averaged model beside one of its controls, on one split.

    Attributes:
        name: of the variant.
        split: ``val`` or ``test``.
        accuracy: of the control, in [0, 1].
        pictures: how many.
        outcome: the averaged model first, the control second.
    """

    name: str
    split: str
    accuracy: float
    pictures: int
    outcome: PairedOutcome

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def variants_of(run: RunFolder) -> list[RunFolder]:
    """Return the variants of a run, in the order in which they are shown."""
    folders = (run.path / "variants" / name for name in WORDS)
    return [RunFolder(folder) for folder in folders if RunFolder(folder).record_file.is_file()]


def average_epochs(run: RunFolder, trainer: Trainer, preprocessing: Preprocessing) -> None:
    """Make the mean of the epoch ends the run's model; keep the last weights and the best epoch's as variants.

    BatchNorm's statistics are computed anew from one epoch of training pictures, where the model has any. A second
    call, after an interruption, changes nothing that the first one did.
    """
    mean = trainer.epoch_mean
    if mean is None or mean.epochs == 0:
        return
    best = _make(run, "best-epoch")
    if not best.best_file.is_file():
        with replacing(best.best_file) as temporary:
            shutil.copyfile(run.best_file, temporary)
    write_weights(_make(run, "last").best_file, trainer.raw_model)
    spared = frozen_layers(trainer.raw_model, mean.module)
    if has_batch_statistics(trainer.raw_model):
        recompute_statistics(trainer.raw_model, _inputs(trainer, preprocessing), spared=spared)
        write_weights(_make(run, "last-statistics").best_file, trainer.raw_model)
    recompute_statistics(mean.module, _inputs(trainer, preprocessing), spared=spared)
    write_weights(run.best_file, mean.module)


def keep_start(run: RunFolder, parent: Path, table: Table) -> None:
    """Keep what a parent run said of this run's pictures, where it was scored on the same ones."""
    for split in ("val", "test"):
        try:
            predictions = Predictions.read(RunFolder(parent).predictions_file(split))
        except RunError:
            continue
        own = sorted(table.split(split).hashes)
        if own and sorted(predictions.hashes) == own and predictions.classes == table.classes:
            start = _make(run, "start")
            make_folder(start.predictions_file(split).parent)
            with replacing(start.predictions_file(split)) as temporary:
                temporary.write_bytes(predictions.to_bytes())


def compare(run: RunFolder, found: Mapping[str, Mapping[str, Predictions]], own: str = "") -> list[Control]:
    """Compare the run's model with each variant, on each split.

    Args:
        run: the run.
        found: predictions by variant (``own`` for the run's model) and split.
        own: see ``found``.
    """
    controls = []
    for name in WORDS:
        for split, predictions in found.get(name, {}).items():
            outcome = mcnemar(found[own][split], predictions)
            count = outcome.both + outcome.first_only + outcome.second_only + outcome.neither
            accuracy = (outcome.both + outcome.second_only) / max(count, 1)
            controls.append(Control(name, split, accuracy, count, outcome))
    return controls


def _make(run: RunFolder, name: str) -> RunFolder:
    """Make a variant's folder, with the run's recipe, table and card."""
    variant = RunFolder(run.path / "variants" / name)
    if not variant.record_file.is_file():
        parent = run.record()
        kept = {key: parent[key] for key in ("command", "data", "model", "parameters", "marks") if key in parent}
        own = {"name": f"{run.path.name} · {name}", "variant": name, "error": None}
        RunFolder.create(variant.path, kept | own)
    for source, target in (
        (run.recipe_file, variant.recipe_file),
        (run.table_file, variant.table_file),
        (run.model / CARD_FILE, variant.model / CARD_FILE),
    ):
        if not target.is_file():
            make_folder(target.parent)
            with replacing(target) as temporary:
                shutil.copyfile(source, temporary)
    return variant


def _inputs(trainer: Trainer, preprocessing: Preprocessing) -> Iterable[Tensor]:
    """Return one more epoch of training pictures, augmented as in training but not mixed."""
    device = trainer.accelerator.device
    for batch in trainer.stage.batches.epoch(trainer.stage.run_epochs):
        yield normalise(batch.images.to(device), preprocessing.mean, preprocessing.std)
