"""A run whose network stays frozen: every picture goes through it once, and heads are fitted to the features."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from accelerate import Accelerator
from torch import nn

from toprung.data.eval_view import EvalView
from toprung.data.fixed_view import FixedView
from toprung.data.loaders import View
from toprung.data.preprocessing import Preprocessing
from toprung.data.table import Table
from toprung.errors import DataError, RecipeError
from toprung.evaluation.predictions import Predictions
from toprung.ladder.display import Display
from toprung.ladder.finishing import close, store_predictions
from toprung.ladder.origin import now
from toprung.ladder.report import write_report
from toprung.models.catalogue import HEAD, evaluating, parameter_count
from toprung.models.head_fitting import Features, HeadData, HeadOptions, logits_of
from toprung.models.trunk import feature_function, trunk_fingerprint
from toprung.runs.folder import RunFolder
from toprung.runs.model import ModelCard, read_card, write_card
from toprung.runs.weights_file import write_weights
from toprung.training.feeding import train_view
from toprung.training.probe.choosing import Candidate, HeadScore, best_of, fit_heads, place_head
from toprung.training.probe.extraction import Extractor
from toprung.training.probe.store import FOLDER, FeatureStore
from toprung.training.processes import is_launched_as_many
from toprung.training.recipe import Recipe


def settled(recipe: Recipe) -> Recipe:
    """Return the recipe of a probe with what is settled for it (fp32, no cache of pictures); any other stays as it is.

    Raises:
        RecipeError: a setting that would have no effect on a probe, or several processes.
    """
    if not recipe.probe.kinds:
        return recipe
    ways = {
        "hardware.precision": (recipe.hardware.precision in ("fp32", "auto"), "fp32: features are computed in it"),
        "optimisation.class_weights": (recipe.optimisation.class_weights == "none", "none"),
        "data.balanced": (not recipe.data.balanced, "false"),
        "data.cache": (recipe.data.cache in ("off", "auto"), "off: each picture is opened once"),
        "stages": (not recipe.stages, "empty"),
        "model.lora_rank": (not recipe.model.lora_rank, "0: the network stays as it is"),
        "model.dropout_samples": (not recipe.model.dropout_samples, "0"),
    }
    for name, (right, rule) in ways.items():
        if not right:
            raise RecipeError(
                f"{name} has no effect on a probe (probe.head = {recipe.probe.head!r}); set it to {rule}."
            )
    if is_launched_as_many():
        raise RecipeError("a probe runs in one process; start it without torchrun or accelerate launch.")
    return recipe.with_settings({"hardware.precision": "fp32", "data.cache": "off"})


def check_network(recipe: Recipe, module: nn.Module, preprocessing: Preprocessing) -> None:
    """Refuse a network that cannot be probed, before its run is made.

    Raises:
        ModelError: its classifier is not one linear layer, or not the last of the network.
    """
    if recipe.probe.kinds:
        with evaluating(module):
            feature_function(module, preprocessing.size)


def probe(
    run: RunFolder, recipe: Recipe, table: Table, module: nn.Module, accelerator: Accelerator, display: Display
) -> None:
    """Compute the features, fit and choose the head, predict val and test from the features, and close the run.

    The trunk's tensors stay as they are. Features stand beside the run, in the folder ``.features`` where runs stand.

    Raises:
        Interrupted: while features were computed; those are kept.
        ModelError, DataError, StorageError: what can be wrong with model, pictures and disk.
    """
    if not len(table.split("val")):
        raise DataError("a probe needs validation pictures, and there are none.")
    start, card = time.perf_counter(), read_card(run.model)
    plain = {name: value for name, value in card.arguments.items() if name != HEAD}  # it may have stopped at its end
    card = replace(card, arguments=plain)
    torch.use_deterministic_algorithms(accelerator.device.type == "cpu")
    module = module.to(accelerator.device).eval().requires_grad_(False)
    features = _Features(run.path.parent / FOLDER, recipe, table, module, card, accelerator.device, display)
    data = HeadData(features.train(), features.plain("val"), len(table.classes))
    display.say("head       chosen on val                     val acc.  log-loss      time")
    options = HeadOptions(recipe.seed, recipe.probe.hidden)
    candidates = fit_heads(recipe.probe.kinds, data, options, lambda score: display.say(_line(score)))
    best = best_of(candidates, recipe.probe.choose_by)
    if len(candidates) > 1:
        display.say(f"kept       {best.score.head}, by validation {recipe.probe.choose_by.replace('_', '-')}")
    found = {
        split: _predictions(best, features.plain(split), table.split(split))
        for split in ("val", "test")
        if len(table.split(split))
    }
    spec = place_head(module, best)
    write_card(run.model, replace(card, arguments=plain | ({HEAD: spec} if spec else {})))
    write_weights(run.best_file, module)
    for split, predictions in found.items():
        store_predictions(run, split, predictions)
    ending = _ending(recipe, candidates, best, features.account)
    ending |= {"seconds": round(time.perf_counter() - start, 1), "parameters": parameter_count(module)}
    close(run, found, recipe, ending)
    write_report(run.path)


@dataclass
class _Account:
    """How many features were computed, and how many were there already."""

    pictures: int = 0
    computed: int = 0
    seconds: float = 0.0


class _Features:
    """The features of a run's pictures, computed where no run before it has done so."""

    def __init__(
        self,
        root: Path,
        recipe: Recipe,
        table: Table,
        module: nn.Module,
        card: ModelCard,
        device: torch.device,
        display: Display,
    ) -> None:
        preprocessing = card.preprocessing
        self._root, self._recipe, self._table, self._display = root, recipe, table, display
        self._preprocessing = preprocessing
        self._about = {
            "architecture": recipe.model.name,
            "arguments": card.arguments,
            "trunk": trunk_fingerprint(module),
            "preprocessing": preprocessing.to_json(),
            "device": device.type,
            "timm": timm.__version__,  # another may compute the architecture otherwise
        }
        self._extractor = Extractor(
            compute=feature_function(module, preprocessing.size),
            device=device,
            preprocessing=preprocessing,
            batch_size=recipe.optimisation.batch_size,
            threads=recipe.data.threads or None,
        )
        self.account = _Account()
        self._plain = self._complete({}, table, EvalView(preprocessing), "features")

    def plain(self, split: str) -> Features:
        """Return the features of a split's pictures, each seen as when scoring."""
        part = self._table.split(split)
        return Features(self._plain.rows(part.hashes), part.labels)

    def train(self) -> Features:
        """Return the features of all views of the training pictures, view after view."""
        part, view = self._table.split("train"), train_view(self._recipe, self._preprocessing)
        values = [self._plain.rows(part.hashes)]
        for number in range(1, self._recipe.probe.views):
            how = FixedView(view, number, self._recipe.seed, self._preprocessing.background)
            about = {"view": number, "seed": self._recipe.seed, "augment": self._recipe.to_dict()["augment"]}
            values.append(self._complete(about, part, how, f"view {number + 1}").rows(part.hashes))
        return Features(np.concatenate(values), np.tile(part.labels, len(values)))

    def _complete(self, about: Mapping[str, Any], part: Table, view: View, what: str) -> FeatureStore:
        name = self._recipe.model.name.replace("/", "-")
        store = FeatureStore(self._root, name, {**self._about, **about})
        pictures: dict[str, Path] = dict(zip(part.hashes, part.paths, strict=True))
        start = time.perf_counter()
        with self._display.reading(what) as progress:
            computed = self._extractor.complete(store, pictures, view, progress)
        seconds = time.perf_counter() - start
        kept = len(pictures) - computed
        told = [f"{kept} of {len(pictures)} pictures from the cache"] if kept else []
        told += [f"{computed} computed in {seconds:.1f} s"] if computed else []
        self._display.say(f"{what:<10} {', '.join(told)}; kept in {store.path}")
        self.account.pictures += len(pictures)
        self.account.computed += computed
        self.account.seconds += seconds
        return store


def _line(score: HeadScore) -> str:
    numbers = f"{score.val_accuracy:9.2%} {score.val_log_loss:9.4f} {score.seconds:7.1f} s"
    return f"{score.head:<10} {score.chosen:<32} {numbers}"


def _predictions(best: Candidate, features: Features, part: Table) -> Predictions:
    return Predictions(
        paths=tuple(map(str, part.paths)),
        hashes=part.hashes,
        labels=part.labels,
        logits=logits_of(best.fitted.head, features.values),
        classes=part.classes,
    )


def _ending(recipe: Recipe, candidates: Sequence[Candidate], best: Candidate, account: _Account) -> dict[str, Any]:
    heads = [candidate.score.head for candidate in candidates]
    selection, chosen = "val log-loss", "the head's settings"
    if len(heads) > 1:
        by = recipe.probe.choose_by.replace("_", "-")
        selection = f"val {by} among the heads {', '.join(heads)}, each head's own settings by val log-loss"
        chosen = f"the head (one of {len(heads)}) and its settings"
    return {
        "finished": now(),
        "error": None,
        "selection": selection,
        "chosen": chosen,
        "probe": {
            "head": best.score.head,
            "views": recipe.probe.views,
            "heads": [candidate.score.to_json() for candidate in candidates],
            "features": {
                "needed": account.pictures,
                "computed": account.computed,
                "seconds": round(account.seconds, 1),
            },
        },
    }
