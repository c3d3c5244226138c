"""Maps of the winner's surest mistakes: what in the picture spoke for the wrong answer. Needs torch."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toprung.errors import ToprungError
from toprung.evaluation.mistakes import Mistake, confident_mistakes
from toprung.evaluation.predictions import Predictions
from toprung.ladder.climb.ending import finished_runs
from toprung.ladder.climb.record import ClimbRecord, val_score
from toprung.ladder.display import Display
from toprung.runs.folder import RunFolder
from toprung.runs.fusion_card import is_fused
from toprung.storage import write_bytes, write_json

COUNT = 12
_SHARE = 0.55  # of the heat over the picture
_NAMES = {"gradcam": "Grad-CAM", "rollout": "attention rollout"}


@dataclass(frozen=True)
class MapsJob:
    """Draw the maps of a climb.

    Attributes:
        folder: of the climb.
    """

    folder: Path

    def perform(self, display: Display) -> dict[str, Any]:
        """Write ``maps/NNN.webp`` and ``maps/index.json``; a network that cannot be explained has none."""
        record = ClimbRecord.open(self.folder)
        run = explained_run(record)
        if run is None:
            return {"maps": 0}
        split = "test" if run.predictions_file("test").is_file() else "val"
        mistakes = confident_mistakes(Predictions.read(run.predictions_file(split)), limit=COUNT)
        drawn, method = draw(run, mistakes)
        index = []
        for number, (mistake, picture) in enumerate(drawn):
            file = self.folder / "maps" / f"{run.path.name}-{number:03d}.webp"
            write_bytes(file, picture)
            told = {"path": mistake.path, "true": mistake.true, "taken": mistake.other}
            index.append({"file": file.name, "run": run.path.name, "method": _NAMES.get(method, method), **told})
        write_json(self.folder / "maps" / "index.json", {"format": 1, "maps": index})
        return {"maps": len(index)}


def explained_run(record: ClimbRecord) -> RunFolder | None:
    """Return the winner; where that is fused, the best run that is one network; ``None`` where there is none."""
    winner = record.content.get("winner")
    runs = [run for run in finished_runs(record) if not is_fused(run.model)]
    if not winner or not runs:
        return None
    own = [run for run in runs if run.path.name == winner["run"]]
    return own[0] if own else max(runs, key=val_score)


def draw(run: RunFolder, mistakes: list[Mistake]) -> tuple[list[tuple[Mistake, bytes]], str]:
    """Return each mistake with its picture under the map, as WebP, and the way it was explained.

    A picture that is gone is left out; all are, where no way fits the network.
    """
    import torch

    from toprung.data.eval_view import EvalView
    from toprung.data.loaders import EvalLoader, normalise
    from toprung.models.explaining import explain
    from toprung.runs.model import load_model

    module, card = load_model(run.model)
    module.requires_grad_(True)
    loader = EvalLoader([Path(one.path) for one in mistakes], None, EvalView(card.preprocessing), batch_size=4)
    found: list[tuple[Mistake, bytes]] = []
    method = ""
    for batch in loader:
        rows = batch.rows.tolist()
        inputs = normalise(batch.images, card.preprocessing.mean, card.preprocessing.std)
        classes = torch.tensor([card.classes.index(mistakes[row].other) for row in rows])
        try:
            maps, method = explain(module, inputs, classes)
        except ToprungError:
            return [], ""
        for place, row in enumerate(rows):
            pixels = batch.images[place].permute(1, 2, 0).contiguous().numpy()
            found.append((mistakes[row], _overlay(pixels, maps[place].numpy())))
    return found, method


def _overlay(pixels: NDArray[np.uint8], heat: NDArray[np.float32]) -> bytes:
    """Return the picture with warm colours where the heat is, as WebP."""
    import cv2
    from PIL import Image

    levels = np.rint(255 * heat).astype(np.uint8)
    warm = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[..., ::-1].astype(np.float32)
    share = (_SHARE * heat)[..., None]
    mixed = np.rint(share * warm + (1 - share) * pixels.astype(np.float32)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(mixed).save(buffer, "WEBP", quality=78)
    return buffer.getvalue()
