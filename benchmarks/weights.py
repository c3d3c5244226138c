"""From the path of a weights file to a ready ViT-L/16, its values checked: time and peak memory, in fresh processes.

The file is a plain ``torch.save`` of a state dict with its head, as published. Ours builds on ``meta``, maps the file
and reads every value once to see that it is finite; the peers neither check nor account. "Anonymous" memory is the
process's own, its highest during the work; pages of the mapped file are the system's cache.

    python -m benchmarks.weights
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measuring import anonymous_megabytes, medians_in_fresh_processes, print_machine

MODEL = "vit_large_patch16_224"
PEER = "timm checkpoint_path"
WAYS = ("toprung", "toprung, 10 classes", PEER, "torch.load")


def main() -> None:
    """Print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.way:
        print(json.dumps(_measure(arguments.way, arguments.file)))
        return
    print_machine()
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "vit_large.pth"
        _write(file)
        medians = medians_in_fresh_processes("benchmarks.weights", WAYS, arguments.runs, "--file", str(file))
    for way, (seconds, extra) in medians.items():
        ratio = medians[PEER][0] / seconds
        print(f"{way:<22} {seconds:6.2f} s, {extra:7.0f} MB anonymous at the peak, {ratio:5.1f} × as fast as timm")


def _write(file: Path) -> None:
    import timm
    import torch

    torch.save(timm.create_model(MODEL, num_classes=1000).state_dict(), file)


def _measure(way: str, file: Path) -> list[float]:
    import timm
    import torch

    import toprung
    from toprung.models.catalogue import build_empty

    timm.create_model("test_vit")  # imports are not measured
    build_empty("test_vit", 10, {})
    _ = toprung.model_from_weights

    def plain() -> object:
        model = timm.create_model(MODEL, num_classes=1000)
        model.load_state_dict(torch.load(file, map_location="cpu"))
        return model

    ways: dict[str, Callable[[], object]] = {
        "toprung": lambda: toprung.model_from_weights(MODEL, file, 1000),
        "toprung, 10 classes": lambda: toprung.model_from_weights(MODEL, file, 10),
        PEER: lambda: timm.create_model(MODEL, num_classes=1000, checkpoint_path=str(file)),
        "torch.load": plain,
    }
    before = anonymous_megabytes()
    with _Peak() as peak:
        start = time.perf_counter()
        kept = ways[way]()
        seconds = time.perf_counter() - start
    assert kept is not None
    return [seconds, peak.megabytes - before]


class _Peak:
    """Watches the process's own memory from a thread."""

    def __init__(self) -> None:
        self.megabytes = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> _Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.is_set():
            self.megabytes = max(self.megabytes, anonymous_megabytes())
            time.sleep(0.005)


if __name__ == "__main__":
    main()
