"""A fused model that classifies pictures: each member is asked, and the answers are put together.

Legend: N pictures, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import psutil
from numpy.typing import NDArray

from toprung.errors import RunError, UnreadableImage
from toprung.runs.classifier import Classifier, Prediction
from toprung.runs.fusion_card import FusionCard, fusion_fingerprint, is_fused, member_folder, read_fusion_card
from toprung.runs.model import WEIGHTS_FILE, weights_fingerprint
from toprung.runs.wrapping import PictureClassifier, Streamed

_TOGETHER = 0.5  # of the memory that is free: members are all kept in memory while their weights take less
_BATCHES = 8  # asked of one member before the next
_PICTURES = 4096  # asked of one member before the next, where each must be loaded again


class FusedClassifier:
    """Several classifiers whose answers are put together; made by :func:`toprung.load`.

    Args:
        folder: of the fused model.
        card: its description.
        device: where members compute.
    """

    def __init__(self, folder: Path, card: FusionCard, device: str) -> None:
        self.folder, self.card, self._device = folder, card, device
        self._folders = [_checked(folder, card, place) for place in range(len(card.members))]
        self._members: dict[int, PictureClassifier] = {}
        self.keeps_members = _weights_size(self._folders) < _TOGETHER * psutil.virtual_memory().available

    @classmethod
    def open(cls, folder: Path, device: str = "auto") -> FusedClassifier:
        """Open a fused model; its members are loaded at their first use.

        Raises:
            RunError: damaged, of a newer version, or a member that is gone or was changed.
        """
        return cls(folder, read_fusion_card(folder), device)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, by output."""
        return self.card.classes

    @overload
    def predict(self, pictures: list[Any] | tuple[Any, ...], *, batch_size: int = 32) -> list[Prediction]: ...
    @overload
    def predict(self, pictures: Any, *, batch_size: int = 32) -> Prediction: ...
    def predict(self, pictures: Any, *, batch_size: int = 32) -> Prediction | list[Prediction]:
        """Classify one picture or a list of them, as :meth:`toprung.runs.classifier.Classifier.predict` does.

        Raises:
            UnreadableImage: a picture cannot be opened.
        """
        if isinstance(pictures, (list, tuple)):
            return [Prediction.of(self.classes, row) for row in self.logits(pictures, batch_size=batch_size)]
        return Prediction.of(self.classes, self.logits([pictures], batch_size=batch_size)[0])

    def logits(self, pictures: Sequence[Any], *, batch_size: int = 32) -> NDArray[np.float32]:
        """Return ``(N, C)`` float32 log-probabilities of pictures, as :meth:`predict` takes them."""
        sources = [Path(item) if isinstance(item, str) else item for item in pictures]
        found = np.empty((len(sources), len(self.classes)), dtype=np.float32)
        for rows, logits, failures in self.stream(sources, batch_size=batch_size):
            if failures:
                raise UnreadableImage(failures[0][1])
            found[rows] = logits
        return found

    def stream(self, paths: Sequence[Any], *, batch_size: int, threads: int | None = None) -> Iterator[Streamed]:
        """Yield rows, log-probabilities and unreadable pictures, in order.

        Members that do not fit into memory together are asked one after the other about some thousand pictures.
        """
        size = batch_size * _BATCHES if self.keeps_members else max(batch_size, _PICTURES)
        for start in range(0, len(paths), size):
            part = paths[start : start + size]
            answers: list[NDArray[np.float32]] = []
            failures: dict[int, str] = {}
            for place in range(len(self.card.members)):
                said = np.zeros((len(part), len(self.classes)), dtype=np.float32)
                member, columns = self._member(place)
                for rows, logits, bad in member.stream(part, batch_size=batch_size, threads=threads):
                    said[rows] = logits[:, columns]
                    failures |= dict(bad)
                answers.append(said)
            good = [row for row in range(len(part)) if row not in failures]
            fused = self.card.fusion.combine([said[good] for said in answers])
            yield [start + row for row in good], fused, [(start + row, why) for row, why in sorted(failures.items())]

    def _member(self, place: int) -> tuple[PictureClassifier, list[int]]:
        """Return a member, and for each class of the fusion the member's output."""
        member = self._members.get(place)
        if member is None:
            member = open_classifier(self._folders[place], self._device)
            if self.keeps_members:
                self._members[place] = member
        return member, [member.classes.index(name) for name in self.classes]


def open_classifier(folder: Path, device: str) -> Classifier | FusedClassifier:
    """Open a model folder, fused or not.

    Raises:
        RunError: as :meth:`Classifier.open` and :meth:`FusedClassifier.open`.
    """
    return FusedClassifier.open(folder, device) if is_fused(folder) else Classifier.open(folder, device)


def _checked(folder: Path, card: FusionCard, place: int) -> Path:
    member = card.members[place]
    found = member_folder(folder, member)
    if model_fingerprint(found) != member.fingerprint:
        raise RunError(
            f"the member {member.name} of the fused model {folder} was changed since they were fused; fuse them anew "
            "with `toprung fuse`."
        )
    return found


def model_fingerprint(folder: Path) -> str:
    """Return a hash of a model folder, fused or not.

    Raises:
        RunError: a file of it is missing.
    """
    return fusion_fingerprint(folder) if is_fused(folder) else weights_fingerprint(folder)


def _weights_size(folders: Sequence[Path]) -> int:
    return sum(file.stat().st_size for folder in folders for file in folder.rglob(WEIGHTS_FILE))
