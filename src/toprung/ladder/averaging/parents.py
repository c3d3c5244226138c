"""What is averaged: runs, saved models, or weights files, and whether they belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toprung.checkpoints.averaging import refuse_other_tensors, shapes_of
from toprung.checkpoints.files import read_weights
from toprung.errors import RunError, WeightsError, WeightsMismatch
from toprung.models.catalogue import HEAD, MODEL_ARGUMENTS
from toprung.runs.folder import CARD_FILE, RunFolder
from toprung.runs.model import WEIGHTS_FILE, ModelCard, read_card

# What only training looks at; two models that differ in these compute the same.
_OF_TRAINING = {MODEL_ARGUMENTS["drop_path"], MODEL_ARGUMENTS["drop_rate"]}


@dataclass(frozen=True)
class Parent:
    """One of the models that are averaged.

    Attributes:
        name: what it is called in tables.
        path: as the user gave it.
        file: its weights.
        card: how to build and feed it; ``None`` for a bare weights file.
        run: the run that it is of, ``None`` where it is of none.
    """

    name: str
    path: Path
    file: Path
    card: ModelCard | None = None
    run: RunFolder | None = None


def open_parents(paths: Sequence[Path]) -> tuple[Parent, ...]:
    """Find the weights, and what is known of them, of each path.

    Args:
        paths: run folders, model folders, weights files, or folders of Hugging Face models.

    Raises:
        RunError: a run that is damaged or has no model yet.
        WeightsError: a path that does not exist.
    """
    names = [path.resolve().name for path in paths]
    return tuple(
        _open(path, name if names.count(name) == 1 else str(path)) for path, name in zip(paths, names, strict=True)
    )


def _open(path: Path, name: str) -> Parent:
    if not path.exists():
        raise WeightsError(f"{path} does not exist; give runs, model folders or weights files.")
    if (path / "run.json").is_file():
        run = RunFolder.open(path)
        return _saved_model(path, name, run.model, run)
    if (path / CARD_FILE).is_file():
        return _saved_model(path, name, path, None)
    return Parent(name, path, path)


def _saved_model(path: Path, name: str, model: Path, run: RunFolder | None) -> Parent:
    file = model / WEIGHTS_FILE
    if not file.is_file():
        raise RunError(f"{path} has no model yet ({file} is missing); leave it out, or train it first.")
    return Parent(name, path, file, read_card(model), run)


def refuse_unlike(parents: Sequence[Parent]) -> None:
    """Refuse models that cannot be averaged: the mean of unlike networks is none.

    Raises:
        WeightsMismatch: another architecture, other classes, another normalisation, other names or shapes of tensors;
            the first that differs is named with its file.
        WeightsError: a file that cannot be read.
    """
    cards = [(parent, parent.card) for parent in parents if parent.card is not None]
    for parent, card in cards:
        if HEAD in card.arguments:
            kind = card.arguments[HEAD].get("kind")
            raise WeightsMismatch(
                f"{parent.path} cannot be averaged: its head ({kind}) was fitted to features, and its numbers mean "
                "nothing in another; average runs with plain classifiers (probe.head=linear)."
            )
    for parent, card in cards[1:]:
        _refuse_other_card(parent, card, *cards[0])
    first = parents[0]
    shapes = shapes_of(read_weights(first.file).tensors)
    for parent in parents[1:]:
        refuse_other_tensors(shapes_of(read_weights(parent.file).tensors), parent.file, shapes, first.file)


def _refuse_other_card(parent: Parent, card: ModelCard, first: Parent, first_card: ModelCard) -> None:
    def refuse(what: str) -> WeightsMismatch:
        return WeightsMismatch(f"{parent.path} cannot be averaged with {first.path}: {what}.")

    if _bare(card.architecture) != _bare(first_card.architecture):
        raise refuse(f"it is a {card.architecture}, the other a {first_card.architecture}")
    for mine, theirs in zip(card.classes, first_card.classes, strict=False):
        if mine != theirs:
            raise refuse(f"its class {card.classes.index(mine)} is {mine!r} and there {theirs!r}")
    if len(card.classes) != len(first_card.classes):
        raise refuse(f"it knows {len(card.classes)} classes, the other {len(first_card.classes)}")
    names = sorted((card.arguments.keys() | first_card.arguments.keys()) - _OF_TRAINING)
    for name in names:
        mine_value, their_value = card.arguments.get(name), first_card.arguments.get(name)
        if mine_value != their_value:
            raise refuse(f"its {name} is {mine_value} and there {their_value}")
    for name in ("mean", "std"):
        if getattr(card.preprocessing, name) != getattr(first_card.preprocessing, name):
            raise refuse(f"its pictures are normalised by another {name}")


def _bare(architecture: str) -> str:
    return architecture.partition(".")[0]
