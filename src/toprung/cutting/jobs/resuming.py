"""Which photos of an output folder are done, and which files in it may be written over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from toprung.cutting.jobs.journal import FILE, Record, Stamp, stamp_of
from toprung.cutting.jobs.one_photo import Order
from toprung.cutting.jobs.photos import Found, absolute
from toprung.errors import CutoutError


def is_done(order: Order, record: Record | None) -> bool:
    """Return whether a photo, its other pictures, its options and its files are as they were when it was finished.

    One that gave an error is not done.
    """
    if record is None or record.row is None or record.row.status == "error" or record.options != order.depends_on:
        return False
    if order.problem or set(record.inputs) != {absolute(path) for path in order.inputs}:
        return False
    if any(_stamp(order.out / name) != record.claimed.get(name) for name in record.files):
        return False
    return all(known.fits(Path(path)) for path, known in record.inputs.items())


def refuse_foreign(orders: Sequence[Order], records: Mapping[str, Record]) -> None:
    """Refuse to write over a file that the job did not write, or that was changed since.

    Raises:
        CutoutError: with the first such file.
    """
    for order in orders:
        record = records.get(order.key)
        claimed = record.claimed if record else {}
        for name in order.style.names(order.stem):
            path = order.out / name
            if not path.exists():
                continue
            if name not in claimed:
                raise CutoutError(
                    f"{path} exists already and was not written by this job; move it, or choose another --out."
                )
            if claimed[name] is not None and claimed[name] != _stamp(path):
                raise CutoutError(f"{path} was changed since it was written; move it, or choose another --out.")


def refuse_own(photos: Sequence[Found], out: Path, records: Mapping[str, Record]) -> None:
    """Refuse to cut out cutouts of the same job.

    Raises:
        CutoutError: a photo is one.
    """
    own = {absolute(out / name) for record in records.values() for name in record.claimed}
    for photo in photos:
        if photo.key in own:
            raise CutoutError(f"{photo.path} is a cutout in {out}, not a photo; leave it out, or choose another --out.")


def refuse_foreign_folder(out: Path, csv: str) -> None:
    """Refuse a folder whose CSV another program wrote.

    Raises:
        CutoutError: the CSV is there, but no journal.
    """
    if (out / csv).exists() and not (out / FILE).exists():
        raise CutoutError(f"{out / csv} was not written by this job; move it, or choose another --out.")


def leftovers(orders: Sequence[Order]) -> list[Path]:
    """Return temporary files that a killed process left of these photos' files."""
    names = {order.out / name for order in orders for name in order.style.names(order.stem)}
    heads = {(path.parent, f".{path.name[:40]}.") for path in names}
    found = [file for folder in {folder for folder, _ in heads} for file in folder.glob(".*.partial")]
    return [
        file for file in found if (file.parent, file.name.removesuffix(".partial").rpartition(".")[0] + ".") in heads
    ]


def _stamp(path: Path) -> Stamp | None:
    try:
        return stamp_of(path)
    except OSError:
        return None
