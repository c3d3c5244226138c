"""Write what the training loop tells to the run folder: JSON lines, CSV, TensorBoard, and other trackers."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import Any

from accelerate import Accelerator

from toprung.runs.folder import RunFolder
from toprung.storage import explain, write_text
from toprung.training.events import EpochEvent, StepEvent


class Records:
    """Appends a line per event; files of an interrupted run are first cut back to its checkpoint."""

    def __init__(self, run: RunFolder, accelerator: Accelerator) -> None:
        self._run = run
        self._accelerator = accelerator

    def cut_back(self, *, step: int, epochs: int) -> None:
        """Drop lines of steps after ``step`` and of epochs after ``epochs``: they will be taken again."""
        if not self._run.metrics_file.is_file():
            return
        kept = [
            line
            for line in self._lines()
            if (line["kind"] == "step" and line["step"] <= step)
            or (line["kind"] == "epoch" and line["epoch"] <= epochs)
            or (line["kind"] == "note" and line.get("step", 0) <= step)
        ]
        write_text(self._run.metrics_file, "".join(json.dumps(line) + "\n" for line in kept))

    def on_step(self, event: StepEvent) -> None:
        """Record a step."""
        self._append({"kind": "step"} | asdict(event))
        values = {"train/loss": event.loss, "train/lr": event.lr, "train/images_per_second": event.images_per_second}
        self._accelerator.log(values, step=event.step)

    def on_epoch(self, event: EpochEvent) -> None:
        """Record an epoch."""
        self._append({"kind": "epoch"} | {k: v for k, v in asdict(event).items() if v is not None})
        values = {"val/loss": event.val_loss}
        if event.val_accuracy is not None:
            values["val/accuracy"] = event.val_accuracy
        if event.ema_val_accuracy is not None:
            values["val/ema_accuracy"] = event.ema_val_accuracy
        self._accelerator.log(values, step=event.step)
        self.write_csv()

    def on_note(self, text: str) -> None:
        """Record a note."""
        self._append({"kind": "note", "text": text})

    def write_csv(self) -> None:
        """Write the epochs' lines as ``metrics.csv``."""
        epochs = [line for line in self._lines() if line["kind"] == "epoch"]
        columns = list(dict.fromkeys(key for line in epochs for key in line if key != "kind"))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(epochs)
        write_text(self._run.metrics_csv_file, text.getvalue())

    def _append(self, line: dict[str, Any]) -> None:
        try:
            with self._run.metrics_file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise explain(error, self._run.metrics_file) from error

    def _lines(self) -> list[dict[str, Any]]:
        """Read the lines written so far; a last line cut short by a kill is dropped."""
        lines = []
        for text in self._run.metrics_file.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(json.loads(text))
            except json.JSONDecodeError:
                continue
        return lines
