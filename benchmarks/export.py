"""Logits of ready inputs on the CPU: ONNX Runtime on an exported model, against torch on the run's own."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.measuring import compare, print_machine
from toprung.data.loaders import normalise
from toprung.data.pipeline import cores
from toprung.data.preprocessing import Preprocessing
from toprung.ladder.export.export import export_run
from toprung.models.catalogue import build
from toprung.runs.exported.onnx_session import OnnxSession
from toprung.runs.folder import RunFolder
from toprung.runs.model import ModelCard, load_model, write_card
from toprung.runs.weights_file import write_weights

SIZE, CLASSES = 224, 10


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--batches", type=int, default=4, help="of one measurement")
    arguments = parser.parse_args()
    print_machine()
    torch.set_num_threads(cores())  # as ONNX Runtime is given
    pixels = np.random.default_rng(0).integers(0, 256, (arguments.batch, SIZE, SIZE, 3), dtype=np.uint8)
    images = pixels.transpose(0, 3, 1, 2)  # in memory channels come last, as from the decoder
    with tempfile.TemporaryDirectory() as folder:
        for name in ("tf_efficientnet_lite0", "vit_tiny_patch16_224"):
            run = _run(Path(folder) / name, name)
            exported = export_run(run, out=Path(folder) / f"{name}.onnx")
            compare(
                f"{name}, {arguments.batch} pictures of {SIZE} px",
                _times(arguments.batches, _onnx(exported.file, images)),
                _times(arguments.batches, _torch(run, images)),
                pairs=arguments.pairs,
                pictures=arguments.batches * arguments.batch,
            )


def _run(folder: Path, name: str) -> Path:
    torch.manual_seed(0)
    run = RunFolder.create(folder, {"kind": "training"})
    run.model.mkdir()
    write_card(run.model, ModelCard(name, {}, tuple(map(str, range(CLASSES))), Preprocessing((SIZE, SIZE)), {}, ""))
    write_weights(run.best_file, build(name, CLASSES, {}).eval())
    return folder


def _onnx(file: Path, images: np.ndarray) -> Callable[[], object]:
    session = OnnxSession(file, "cpu")
    return lambda: session(images)


def _torch(run: Path, images: np.ndarray) -> Callable[[], object]:
    model, card = load_model(run / "model")
    how, pictures = card.preprocessing, torch.from_numpy(images)

    def work() -> object:
        with torch.inference_mode():
            return model(normalise(pictures, how.mean, how.std))

    return work


def _times(count: int, work: Callable[[], object]) -> Callable[[], None]:
    def repeated() -> None:
        for _ in range(count):
            work()

    return repeated


if __name__ == "__main__":
    main()
