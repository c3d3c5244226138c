"""Pictures without labels, for pretraining: any folder, or the pictures of a labelled source."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toprung.data.folders import pictures_below
from toprung.data.rows import refuse_undecodable, split_of
from toprung.data.sources import read_rows
from toprung.data.table import Table
from toprung.errors import DataError

CLASS = "unlabelled"


@dataclass(frozen=True)
class Unlabelled:
    """What a source holds, its labels forgotten.

    Attributes:
        table: of one class, named ``unlabelled``; splits are ``""`` where the source gives none.
        kept_for_test: pictures of a test split, which are left alone.
    """

    table: Table
    kept_for_test: int


def read_unlabelled(path: Path) -> Unlabelled:
    """List the pictures of a source.

    A folder gives every picture below it, at any depth; a CSV or Parquet file those it lists. Where there is a train
    split beside val or test, pictures of val are held out, and those of test are left alone: a score on pictures that
    a network was pretrained on would be too good.

    Args:
        path: folder, CSV or Parquet file.

    Raises:
        DataError: the source is missing or cannot be read, or holds no pictures to train on.
    """
    place = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would replace links by their targets
    found = _below(place) if place.is_dir() else [(row.path, row.split) for row in read_rows(place)]
    splits = {picture: split for picture, split in found if split != "test"}
    if not any(split in {"train", ""} for split in splits.values()):
        raise DataError(f"{path} holds no pictures to train on; give a folder of pictures.")
    refuse_undecodable(list(splits))
    table = Table(
        paths=tuple(splits),
        labels=np.zeros(len(splits), dtype=np.int64),
        classes=(CLASS,),
        splits=tuple(splits.values()),
    )
    return Unlabelled(table, len(found) - len(splits))


def _below(root: Path) -> Sequence[tuple[Path, str]]:
    """Return all pictures with their splits; what stands beside the folders of splits is trained on."""
    pictures = [(picture, picture.relative_to(root).parts[0]) for picture in pictures_below(root)]
    given = {split_of(folder) for _, folder in pictures} - {None}
    if "train" not in given or len(given) == 1:
        return [(picture, "") for picture, _ in pictures]
    return [(picture, split_of(folder) or "train") for picture, folder in pictures]
