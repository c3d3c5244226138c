"""The pictures of a search that stands by itself: split as a training by the same recipe splits them."""

from __future__ import annotations

from pathlib import Path

from toprung.data.sources import read_source
from toprung.data.table_csv import write_table_csv
from toprung.ladder.climb.search.records import DATA
from toprung.ladder.display import Display
from toprung.ladder.pictures import gather
from toprung.training.recipe import Recipe


def keep_table(source: Path, recipe: Recipe, folder: Path, *, display: Display) -> Path:
    """Split the pictures of a source by a recipe, and keep the table in the search's folder.

    A search that goes on keeps the table that it began with.

    Raises:
        DataError, LeakFound: as :func:`toprung.ladder.pictures.gather`.
    """
    file = folder / DATA / "all.csv"
    if not file.is_file():
        found = gather(read_source(source), recipe.data, seed=recipe.seed, display=display)
        place = Path(source).resolve()
        write_table_csv(file, found.table, place if place.is_dir() else place.parent)
    return file
