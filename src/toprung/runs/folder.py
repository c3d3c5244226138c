"""The run folder: where everything of a run stands, and its record in ``run.json``.

runs/<name>/
  run.json               format version, kind, status, command, marks
  recipe.toml            the resolved recipe
  environment.json       versions, machine
  load_report.json       what was used of the starting weights
  data/table.csv         path, label, split, group, hash
  data/health.json       counts, sizes, duplicates, leaks
  data/unreadable.csv    files left out, each with its reason
  metrics.jsonl, metrics.csv   a line per logged step and per epoch
  tensorboard/
  checkpoints/last.pt    all that resuming needs
  model/                 the best model so far, self-describing
  predictions/SPLIT.npz
  scores.json            metrics of each split, with intervals
  calibration.json       temperature, threshold and sets, where `toprung calibrate` was run
  report.html

A pretraining has neither predictions nor scores. Its model is the encoder; encoder and decoder stand beside it in
``autoencoder.safetensors``, and ``reconstructions/`` holds pictures of what they make of held-out pictures.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any, Literal

from toprung.errors import RunError
from toprung.storage import explain, make_folder, write_json
from toprung.version import __version__

FORMAT = 1
Kind = Literal["training", "pretraining", "fusion"]
COMMANDS: dict[str, str] = {"training": "toprung train", "pretraining": "toprung pretrain", "fusion": "toprung fuse"}


class RunFolder:
    """One run on disk. Everything is written under a temporary name and renamed."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    record_file = property(lambda self: self.path / "run.json")
    recipe_file = property(lambda self: self.path / "recipe.toml")
    environment_file = property(lambda self: self.path / "environment.json")
    load_report_file = property(lambda self: self.path / "load_report.json")
    table_file = property(lambda self: self.path / "data" / "table.csv")
    health_file = property(lambda self: self.path / "data" / "health.json")
    unreadable_file = property(lambda self: self.path / "data" / "unreadable.csv")
    metrics_file = property(lambda self: self.path / "metrics.jsonl")
    metrics_csv_file = property(lambda self: self.path / "metrics.csv")
    last_file = property(lambda self: self.path / "checkpoints" / "last.pt")
    model = property(lambda self: self.path / "model")
    best_file = property(lambda self: self.path / "model" / "model.safetensors")
    autoencoder_file = property(lambda self: self.path / "model" / "autoencoder.safetensors")
    reconstructions = property(lambda self: self.path / "reconstructions")
    scores_file = property(lambda self: self.path / "scores.json")
    calibration_file = property(lambda self: self.path / "calibration.json")
    report_file = property(lambda self: self.path / "report.html")

    @property
    def kind(self) -> str:
        """``training``, ``pretraining`` or ``fusion``; runs from before there was a choice are trainings."""
        try:
            return str(self.record().get("kind", "training"))
        except RunError:
            return "training"

    @property
    def command(self) -> str:
        """The command that makes and resumes runs of this kind."""
        return COMMANDS.get(self.kind, COMMANDS["training"])

    def predictions_file(self, split: str) -> Path:
        """Return where the predictions of a split stand."""
        return self.path / "predictions" / f"{split}.npz"

    @classmethod
    def create(cls, path: Path, record: dict[str, Any]) -> RunFolder:
        """Make a new run folder with its record.

        Raises:
            RunError: something stands there already.
            StorageError: full disk, or no permission.
        """
        cls.refuse_existing(path)
        make_folder(path)
        run = cls(path)
        run.write_json(run.record_file, cls.opening_record(path.name) | record)
        return run

    @staticmethod
    def opening_record(name: str) -> dict[str, Any]:
        """Return what ``run.json`` says of a run of this name that begins now."""
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        return {"format": FORMAT, "toprung": __version__, "name": name, "created": now, "status": "running"}

    @staticmethod
    def refuse_existing(path: Path, option: str = "--out") -> None:
        """Refuse a path at which something stands already; an empty folder is fine.

        Raises:
            RunError: something stands there.
        """
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            remedy = f"choose another {option}"
            if (path / "run.json").is_file():
                command = RunFolder(path).command
                remedy = f"continue it with `{command} --resume {path}`, or choose another {option}"
            raise RunError(f"{path} exists already and is never overwritten; {remedy}.")

    @classmethod
    def open(cls, path: Path | str) -> RunFolder:
        """Open a run folder that exists.

        Raises:
            RunError: missing, not a run, damaged, or written by a newer version.
        """
        run = cls(path)
        if not run.path.is_dir():
            raise RunError(f"there is no run folder {path}.")
        if not run.record_file.is_file():
            raise RunError(f"{path} is not a run folder: it holds no run.json.")
        written = run.record().get("format")
        if not isinstance(written, int):
            raise RunError(f"{run.record_file} is damaged: it names no format.")
        if written > FORMAT:
            raise RunError(
                f"{path} was written by a newer toprung (run format {written}, this one reads up to {FORMAT}); "
                "update toprung."
            )
        return run

    def record(self) -> dict[str, Any]:
        """Return ``run.json``.

        Raises:
            RunError: missing or damaged.
        """
        return self.read_json(self.record_file)

    def update(self, **changes: Any) -> None:
        """Change entries of ``run.json``."""
        self.write_json(self.record_file, self.record() | changes)

    def read_json(self, file: Path) -> dict[str, Any]:
        """Read one of the run's JSON files.

        Raises:
            RunError: missing or damaged.
        """
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RunError(f"{file} is missing; the run is not whole.") from None
        except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, a number of thousands of digits
            raise RunError(f"{file} is damaged: {error}.") from error
        except OSError as error:
            raise explain(error, file, "read") from error
        if not isinstance(content, dict):
            raise RunError(f"{file} is damaged: it holds a {type(content).__name__}, not entries by name.")
        return content

    def write_json(self, file: Path, content: dict[str, Any]) -> None:
        """Write one of the run's JSON files in one step."""
        write_json(file, content)


def free_name(runs: Path, stem: str) -> Path:
    """Return ``runs/stem``, or ``runs/stem-2`` and so on where that is taken."""
    candidate, number = runs / stem, 1
    while candidate.exists():
        number += 1
        candidate = runs / f"{stem}-{number}"
    return candidate
