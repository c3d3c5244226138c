"""toprung: from a folder of labelled pictures to the most accurate classifier, with results to trust.

run = toprung.train("photos", preset="quick", model="resnet50.a1_in1k")
run = toprung.load("runs/resnet50.a1_in1k-quick")
run.predict("photo.jpg").name
run.validate("other_photos")["accuracy"]
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from toprung.version import __version__

# public name -> where it stands; imported at its first use, so that `import toprung` costs milliseconds
_HOMES = {
    "train": "toprung.ladder.run",
    "load": "toprung.ladder.loading",
    "average": "toprung.ladder.averaging.api",
    "align": "toprung.cutting.align.align",
    "Alignment": "toprung.cutting.align.alignment",
    "cutout": "toprung.cutting.cutout",
    "Cutout": "toprung.cutting.result",
    "estimate_foreground": "toprung.cutting.foreground.estimate",
    "climb": "toprung.ladder.climb.api",
    "Climb": "toprung.ladder.climb.api",
    "fuse": "toprung.ladder.fusing.api",
    "pretrain": "toprung.ladder.pretraining_api",
    "Run": "toprung.ladder.run",
    "Classifier": "toprung.runs.classifier",
    "Prediction": "toprung.runs.prediction",
    "Predictions": "toprung.evaluation.predictions",
    "Recipe": "toprung.training.recipe",
    "Tiling": "toprung.evaluation.tiling",
    "preset": "toprung.training.presets",
    "load_weights": "toprung.checkpoints.load",
    "LoadReport": "toprung.checkpoints.report",
    "inspect_weights": "toprung.checkpoints.inspection",
    "model_from_weights": "toprung.checkpoints.ready",
    "ToprungError": "toprung.errors",
}

__all__ = [
    "Alignment",
    "Classifier",
    "Climb",
    "Cutout",
    "LoadReport",
    "Prediction",
    "Predictions",
    "Recipe",
    "Run",
    "Tiling",
    "ToprungError",
    "__version__",
    "align",
    "average",
    "climb",
    "cutout",
    "estimate_foreground",
    "fuse",
    "inspect_weights",
    "load",
    "load_weights",
    "model_from_weights",
    "preset",
    "pretrain",
    "train",
]

if TYPE_CHECKING:
    from toprung.checkpoints.inspection import inspect_weights
    from toprung.checkpoints.load import load_weights
    from toprung.checkpoints.ready import model_from_weights
    from toprung.checkpoints.report import LoadReport
    from toprung.cutting.align.align import align
    from toprung.cutting.align.alignment import Alignment
    from toprung.cutting.cutout import cutout
    from toprung.cutting.foreground.estimate import estimate_foreground
    from toprung.cutting.result import Cutout
    from toprung.errors import ToprungError
    from toprung.evaluation.predictions import Predictions
    from toprung.evaluation.tiling import Tiling
    from toprung.ladder.averaging.api import average
    from toprung.ladder.climb.api import Climb, climb
    from toprung.ladder.fusing.api import fuse
    from toprung.ladder.loading import load
    from toprung.ladder.pretraining_api import pretrain
    from toprung.ladder.run import Run, train
    from toprung.runs.classifier import Classifier
    from toprung.runs.prediction import Prediction
    from toprung.training.presets import preset
    from toprung.training.recipe import Recipe


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'toprung' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
