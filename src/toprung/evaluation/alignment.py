"""Several models' predictions of the same pictures, row by row and class by class.

Legend: M models, N pictures, C classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toprung.errors import RunError
from toprung.evaluation.predictions import Predictions

_Key = tuple[str, str, int]  # content, name of the true class, and which of several equal files it is


@dataclass(frozen=True)
class Aligned:
    """What M models say about the same N labelled pictures, in the order of the first model.

    Attributes:
        paths: file of each picture, as the first model names it.
        hashes: content hash of each file.
        labels: ``(N,)`` int64 true class indices.
        probabilities: ``(M, N, C)`` float64, each row sums to 1.
        classes: the C class names, in the order of the first model.
    """

    paths: tuple[str, ...]
    hashes: tuple[str, ...]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    classes: tuple[str, ...]


def align(predictions: Sequence[Predictions]) -> Aligned:
    """Match the pictures of several models by content and label, their classes by name.

    Pictures without a label (-1) are left out.

    Args:
        predictions: of at least one model; all hold the same labelled pictures, in any order.

    Raises:
        RunError: no predictions; no labelled picture; or pictures, labels or classes that differ.
    """
    if not predictions:
        raise RunError("there are no predictions to look at; name at least one run that has some.")
    first = predictions[0]
    rows = _rows(first)
    if not rows:
        raise RunError(f"none of {len(first)} pictures has a label, so no mistake can be told.")
    kept = np.fromiter(rows.values(), dtype=np.int64, count=len(rows))
    probabilities = [first.probabilities[kept]]
    for other in predictions[1:]:
        if set(other.classes) != set(first.classes):
            differing = ", ".join(sorted(set(other.classes) ^ set(first.classes))[:6])
            raise RunError(f"the models know other classes ({differing}), so their answers cannot be laid together.")
        theirs = _rows(other)
        if theirs.keys() != rows.keys():
            common = len(theirs.keys() & rows.keys())
            raise RunError(
                f"the models were scored on other pictures or labels ({len(rows)} and {len(theirs)}, {common} in "
                "common); score all on one source (toprung validate RUN PICTURES)."
            )
        columns = [other.classes.index(name) for name in first.classes]
        places = np.fromiter((theirs[key] for key in rows), dtype=np.int64, count=len(rows))
        probabilities.append(other.probabilities[places][:, columns])
    return Aligned(
        paths=tuple(first.paths[row] for row in kept),
        hashes=tuple(first.hashes[row] for row in kept),
        labels=first.labels[kept],
        probabilities=np.stack(probabilities),
        classes=first.classes,
    )


def _rows(predictions: Predictions) -> dict[_Key, int]:
    """Return the row of every labelled picture; a picture without a hash is known by its path."""
    seen: Counter[tuple[str, str]] = Counter()
    rows: dict[_Key, int] = {}
    for row in np.flatnonzero(predictions.labels != -1):
        picture = (predictions.hashes[row] or predictions.paths[row], predictions.classes[predictions.labels[row]])
        rows[(*picture, seen[picture])] = int(row)
        seen[picture] += 1
    return rows
