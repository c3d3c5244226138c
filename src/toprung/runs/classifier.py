"""A saved model that classifies pictures, from whatever a user has them in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from toprung.data.eval_view import EvalView
from toprung.data.loaders import EvalLoader
from toprung.errors import RunError
from toprung.evaluation.predict import predict_batches
from toprung.evaluation.predictions import softmax
from toprung.runs.folder import RunFolder
from toprung.runs.fusion_card import is_fused
from toprung.runs.model import CARD_FILE, ModelCard, load_model, read_card


@dataclass(frozen=True)
class Prediction:
    """What the model says of one picture.

    Attributes:
        name: the most probable class.
        probability: its probability, in [0, 1].
        probabilities: of every class, by name, most probable first.
    """

    name: str
    probability: float
    probabilities: dict[str, float]

    @classmethod
    def of(cls, classes: Sequence[str], logits: NDArray[np.float32]) -> Prediction:
        """Return what logits ``(C,)`` say."""
        shares = softmax(logits)
        named = {classes[place]: float(shares[place]) for place in np.argsort(-shares, kind="stable")}
        first = next(iter(named))
        return cls(first, named[first], named)

    def top(self, count: int) -> list[tuple[str, float]]:
        """Return the ``count`` most probable classes with their probabilities."""
        return list(self.probabilities.items())[:count]


def model_folder(path: Path) -> Path:
    """Return the folder of a saved model: ``path/model`` of a run, or ``path`` itself.

    Raises:
        RunError: it is neither, or the run is of a newer version.
    """
    if (path / CARD_FILE).is_file() or is_fused(path):
        return path
    return RunFolder.open(path).model


class Classifier:
    """A model with its class names and preprocessing; made by :func:`toprung.load`."""

    def __init__(self, module: nn.Module, card: ModelCard) -> None:
        self.module = module
        self.card = card

    @classmethod
    def open(cls, folder: Path, device: str = "auto") -> Classifier:
        """Load a model folder.

        Raises:
            RunError: missing or damaged files, a newer version, or a device that is not there.
        """
        if not read_card(folder).classes:
            raise RunError(
                f"{folder} holds an encoder without a classifier; train one on labelled pictures with "
                f"`toprung train PICTURES --weights {folder}`."
            )
        module, card = load_model(folder)
        return cls(module.to(_device(device)), card)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, by output."""
        return self.card.classes

    @overload
    def predict(self, pictures: list[Any] | tuple[Any, ...], *, batch_size: int = 32) -> list[Prediction]: ...
    @overload
    def predict(self, pictures: Any, *, batch_size: int = 32) -> Prediction: ...
    def predict(self, pictures: Any, *, batch_size: int = 32) -> Prediction | list[Prediction]:
        """Classify one picture or a list of them.

        Args:
            pictures: a path, a file's bytes, a PIL image, or an array ``(H, W)``, ``(H, W, 1 | 3 | 4)`` of uint8,
                uint16 or float in [0, 1]; or a list or tuple of such.
            batch_size: pictures per forward pass.

        Returns:
            One prediction, or a list in the order given.

        Raises:
            UnreadableImage: a picture cannot be opened.
        """
        if isinstance(pictures, (list, tuple)):
            logits = self.logits(pictures, batch_size=batch_size)
            return [Prediction.of(self.classes, row) for row in logits]
        return Prediction.of(self.classes, self.logits([pictures])[0])

    def logits(self, pictures: Sequence[Any], *, batch_size: int = 32) -> NDArray[np.float32]:
        """Return ``(N, C)`` float32 logits of pictures, as :meth:`predict` takes them."""
        found = np.empty((len(pictures), len(self.classes)), dtype=np.float32)
        sources = [Path(item) if isinstance(item, str) else item for item in pictures]
        loader = EvalLoader(sources, None, EvalView(self.card.preprocessing), batch_size=batch_size)
        for rows, logits in predict_batches(self.module, loader, self.card.preprocessing):
            found[rows] = logits
        if loader.failures:
            raise loader.failures[0].error
        return found

    def stream(
        self, paths: Sequence[Any], *, batch_size: int, threads: int | None = None
    ) -> Iterator[tuple[list[int], NDArray[np.float32], list[tuple[int, str]]]]:
        """Yield rows, logits and the unreadable files (row, reason) since the last yield, batch by batch."""
        loader = EvalLoader(paths, None, EvalView(self.card.preprocessing), batch_size=batch_size, threads=threads)
        told = 0
        for rows, logits in predict_batches(self.module, loader, self.card.preprocessing):
            new = [(f.row, str(f.error)) for f in loader.failures[told:]]
            told += len(new)
            yield rows.tolist(), logits, new
        yield [], np.empty((0, len(self.classes)), np.float32), [(f.row, str(f.error)) for f in loader.failures[told:]]


def _device(asked: str) -> torch.device:
    if asked == "auto":
        asked = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        return torch.zeros(1, device=asked).device
    except (RuntimeError, AssertionError) as error:
        raise RunError(f"the device {asked!r} cannot be used here ({str(error).splitlines()[0]}); use cpu.") from error
