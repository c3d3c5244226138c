"""The beginning of a climb: its pictures in three splits, and its record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toprung.data.health import write_unreadable_csv
from toprung.data.sources import read_source
from toprung.data.table_csv import write_table_csv
from toprung.errors import RunError
from toprung.ladder.climb.ladder_file import Ladder
from toprung.ladder.climb.record import FILE, ClimbRecord, opening
from toprung.ladder.display import Display
from toprung.ladder.origin import command_line, data_hash, now
from toprung.ladder.pictures import Pictures, gather
from toprung.ladder.pictures_told import say_pictures
from toprung.runs.environment import describe_environment
from toprung.runs.folder import RunFolder
from toprung.storage import write_text
from toprung.training.recipe import Recipe

if TYPE_CHECKING:
    from toprung.ladder.climb.climb import Request

SPLITS = {"data.val_fraction": 0.15, "data.test_fraction": 0.15}
"""Shares for choosing and for reporting where the pictures come without splits of their own."""


def gather_pictures(source: Path, shared: Mapping[str, Any], seed: int, folder: Path, display: Display) -> Pictures:
    """Look through the pictures and split them, once for all rungs.

    Args:
        source: labelled pictures.
        shared: settings of all rungs; those of ``data`` count here.
        seed: of the splits.
        folder: of the climb, to name in what is told.
        display: where to tell it.

    Raises:
        DataError, LeakFound: as :func:`toprung.ladder.pictures.gather`.
    """
    own = {name: value for name, value in shared.items() if name.startswith("data.")}
    settings = Recipe().with_settings({**SPLITS, **own}).data
    pictures = gather(read_source(source), settings, seed=seed, display=display)
    say_pictures(pictures, folder, display)
    if not len(pictures.table.split("test")):
        display.warn("no report  there is no test split: all scores are of the pictures that the climb chose on")
    return pictures


def open_record(request: Request, ladder: Ladder, folder: Path, pictures: Pictures, *, write: bool) -> ClimbRecord:
    """Return the record of a climb that begins or goes on, with a waiting entry for each rung.

    What earlier sittings made stays in ``history``, to be reused where it is the same.
    """
    before: dict[str, Any] = ClimbRecord.open(folder).content if (folder / FILE).is_file() else {}
    table = pictures.table
    goes_on = before.get("status") not in (None, "finished")
    content = {
        "name": folder.name,
        "created": before.get("created") or now(),
        "finished": None,
        "status": "running",
        "command": command_line(),
        "source": str(request.source.resolve()),
        "ladder": ladder.name,
        "budget_seconds": request.seconds,
        "spent_seconds": float(before.get("spent_seconds") or 0.0) if goes_on else 0.0,
        "seed": request.seed,
        "data_hash": data_hash(table),
        "splits": {split: len(table.split(split)) for split in ("train", "val", "test")},
        "folds": request.folds,
        "request": _request(request),
        "speeds": before.get("speeds", {}),
        "history": before.get("history", []),
        "rungs": [opening(rung.name, rung.kind, rung.parents) for rung in ladder.rungs],
        "winner": None,
    }
    record = ClimbRecord(folder, content)
    if write:
        run, place = RunFolder(folder), request.source.resolve()
        write_text(folder / "ladder.toml", request.ladder.text)
        write_table_csv(run.table_file, table, place if place.is_dir() else place.parent)
        run.write_json(run.health_file, pictures.health.to_json())
        run.write_json(run.environment_file, describe_environment())
        write_unreadable_csv(run.unreadable_file, pictures.unreadable)
        record.save()
    return record


def _request(request: Request) -> dict[str, Any]:
    """Return what is needed to go on by the name of the folder alone."""
    return {
        "budget": request.budget,
        "weights_dir": None if request.weights_dir is None else str(request.weights_dir.resolve()),
        "settings": dict(request.settings),
        "devices": [device.name for device in request.devices],
        "folds": request.folds,
        "final": request.final,
    }


def stored_request(folder: Path) -> dict[str, Any]:
    """Return what a climb was asked for: source, ladder text, and the rest as :func:`_request` wrote it.

    Raises:
        RunError: no climb, or a damaged one.
    """
    record = ClimbRecord.open(folder)
    try:
        text = (folder / "ladder.toml").read_text(encoding="utf-8")
        content, own = record.content, record.content["request"]
        return {
            "source": Path(content["source"]),
            "ladder": (text, str(content["ladder"])),
            "seed": int(content["seed"]),
            "budget": own["budget"],
            "weights_dir": None if own["weights_dir"] is None else Path(own["weights_dir"]),
            "settings": dict(own["settings"]),
            "devices": ",".join(own["devices"]),
            "folds": int(own.get("folds", 0)),
            "final": str(own.get("final", "ensemble")),
        }
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"{record.file} is damaged: what was asked for cannot be read ({error}).") from error
