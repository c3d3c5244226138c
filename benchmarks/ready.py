"""From a saved run's model to one that can run, ViT-L/16: time and memory, each in fresh processes.

Ours is what ``toprung.load`` does: the architecture on ``meta``, the file memory-mapped. "Anonymous" memory is the
process's own; pages of the mapped file can be dropped by the system at any time and read again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import anonymous_megabytes, medians_in_fresh_processes, print_machine

MODEL = "vit_large_patch16_224"
WAYS = ("toprung.load", "timm checkpoint_path")


def main() -> None:
    """Print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.way:
        print(json.dumps(_measure(arguments.way, arguments.folder)))
        return
    print_machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _make_files(folder)
        medians = medians_in_fresh_processes("benchmarks.ready", WAYS, arguments.runs, "--folder", name)
    peer = medians["timm checkpoint_path"][0]
    for way, (seconds, extra) in medians.items():
        print(f"{way:<22} {seconds:6.2f} s, {extra:7.0f} MB anonymous, {peer / seconds:5.1f} × as fast as timm")


def _make_files(folder: Path) -> None:
    import timm

    from toprung.data.preprocessing import Preprocessing
    from toprung.runs.model import ModelCard, write_card
    from toprung.runs.weights_file import write_weights

    model = timm.create_model(MODEL, num_classes=1000)
    write_weights(folder / "model.safetensors", model)
    classes = tuple(map(str, range(1000)))
    write_card(folder, ModelCard(MODEL, {}, classes, Preprocessing((224, 224)), {}, ""))


def _measure(way: str, folder: Path) -> list[float]:
    import timm

    import toprung
    from toprung.models.catalogue import build_empty

    timm.create_model("test_vit")  # imports are not measured
    build_empty("test_vit", 10, {})
    _ = toprung.load
    before, start = anonymous_megabytes(), time.perf_counter()
    if way == "toprung.load":
        kept: object = toprung.load(folder)
    else:
        kept = timm.create_model(MODEL, num_classes=1000, checkpoint_path=str(folder / "model.safetensors"))
    seconds = time.perf_counter() - start
    assert kept is not None
    return [seconds, anonymous_megabytes() - before]


if __name__ == "__main__":
    main()
