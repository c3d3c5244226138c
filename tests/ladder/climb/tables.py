"""A split table of small pictures, as a climb keeps it."""

from __future__ import annotations

from pathlib import Path

from tests.pictures import make_pictures
from toprung.data.sources import read_source
from toprung.data.table_csv import write_table_csv
from toprung.ladder.display import Silent
from toprung.ladder.pictures import gather
from toprung.training.settings import DataSettings


def split_table(root: Path, *, per_class: int = 10, test_fraction: float = 0.2) -> Path:
    """Make pictures below ``root`` and return the table of their train, val and test."""
    pictures = make_pictures(root / "pictures", per_class=per_class)
    settings = DataSettings(test_fraction=test_fraction)
    found = gather(read_source(pictures), settings, seed=0, display=Silent())
    write_table_csv(root / "data" / "table.csv", found.table, pictures)
    return root / "data" / "table.csv"
