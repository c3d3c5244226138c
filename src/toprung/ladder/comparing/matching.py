"""The same pictures in the predictions of several models: by content where it is known, by name where it is not."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

from toprung.errors import RunError
from toprung.evaluation.alignment import Aligned, align
from toprung.evaluation.predictions import Predictions


def matched(names: Sequence[str], said: Sequence[Predictions], *, common: bool) -> Aligned:
    """Lay the predictions of several models in one order.

    Where all know the content of their pictures, that decides. Else pictures are the same whose paths end alike: in the
    class folder and the file name, or in the file name alone where that is enough to tell them apart.

    Args:
        names: of the models, for messages.
        said: their predictions.
        common: compare the pictures that all have, and leave the others out.

    Raises:
        RunError: pictures that cannot be told apart by their names, other pictures or labels, or none in common.
    """
    if not all(all(one.hashes) for one in said):
        said = _by_name(names, said)
    said = _same_classes(said)
    keys = [
        Counter((one.hashes[row], one.classes[one.labels[row]]) for row in range(len(one)) if one.labels[row] >= 0)
        for one in said
    ]
    shared = keys[0]
    for other in keys[1:]:
        shared = shared & other
    if not shared:
        raise RunError(
            f"{' and '.join(names)} have no picture with the same label in common, so they do not compare; score them "
            "on one source (toprung validate RUN PICTURES --save DIR)."
        )
    if any(own != shared for own in keys):
        if not common:
            counts = ", ".join(f"{name} {sum(own.values())}" for name, own in zip(names, keys, strict=True))
            raise RunError(
                f"the pictures are not the same: {counts}, {sum(shared.values())} in common with the same label; "
                "compare those with --common, or score all on one source."
            )
        said = [_only(one, shared) for one in said]
    return align(said)


def _by_name(names: Sequence[str], said: Sequence[Predictions]) -> list[Predictions]:
    """Return the predictions with the end of each path in place of a content hash."""
    for parts in (1, 2, 3):
        ends = [[_end(path, parts) for path in one.paths] for one in said]
        if all(len(set(own)) == len(own) for own in ends):
            return [dataclasses.replace(one, hashes=tuple(own)) for one, own in zip(said, ends, strict=True)]
    for name, own in zip(names, ends, strict=True):
        twice = [end for end, count in Counter(own).items() if count > 1]
        if twice:
            raise RunError(f"{name} names {twice[0]} more than once, so pictures cannot be told by their paths.")
    raise AssertionError("unreachable")


def _end(path: str, parts: int) -> str:
    return "/".join(PurePath(path.replace("\\", "/")).parts[-parts:])


def _same_classes(said: Sequence[Predictions]) -> list[Predictions]:
    """Give all the classes of all: a table of answers knows those alone that stand in it."""
    import numpy as np

    classes = tuple(sorted({name for one in said for name in one.classes}))
    found = []
    for one in said:
        lowest = float(one.logits.min()) - 50 if one.logits.size else 0.0
        logits = np.full((len(one), len(classes)), lowest, dtype=np.float32)
        places = [classes.index(name) for name in one.classes]
        logits[:, places] = one.logits
        labels = np.array([classes.index(one.classes[label]) if label >= 0 else -1 for label in one.labels])
        found.append(dataclasses.replace(one, logits=logits, labels=labels.astype(np.int64), classes=classes))
    return found


def _only(one: Predictions, wanted: Counter[tuple[str, str]]) -> Predictions:
    left = Counter(wanted)
    rows = []
    for row in range(len(one)):
        key = (one.hashes[row], one.classes[one.labels[row]])
        if one.labels[row] >= 0 and left[key] > 0:
            left[key] -= 1
            rows.append(row)
    return Predictions(
        tuple(one.paths[row] for row in rows),
        tuple(one.hashes[row] for row in rows),
        one.labels[rows],
        one.logits[rows],
        one.classes,
    )
