"""The mean of twelve checkpoints, ViT-B/16: time and extra memory, each in fresh processes.

Ours is what ``toprung average`` does with weights files: mapped, summed in float64 part by part, written as it comes.
"load all" reads every file and stacks; "timm's way" is that of timm's ``avg_checkpoints.py``: one file after the other
into a float64 sum. All write a safetensors file and wait until it is on the disk. The files are in the page cache.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.measuring import Cost, anonymous_megabytes, cost_of, medians_in_fresh_processes, print_machine

MODEL = "vit_base_patch16_224"
WAYS = ("toprung average", "load all, float32", "load all, float64", "timm's way")


def main() -> None:
    """Print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--space", type=Path, help="Where the files are made for the while.")
    arguments = parser.parse_args()
    if arguments.way:
        print(json.dumps(_measure(arguments.way, arguments.folder)))
        return
    print_machine()
    with tempfile.TemporaryDirectory(dir=arguments.space) as name:
        megabytes = _make_files(Path(name), arguments.model, arguments.count)
        medians = medians_in_fresh_processes("benchmarks.average", WAYS, arguments.runs, "--folder", name)
    print(f"{arguments.count} checkpoints of {arguments.model}, {megabytes:.0f} MB each, {arguments.runs} runs")
    wall, cpu, _ = medians[WAYS[0]]
    for way, (way_wall, way_cpu, extra) in medians.items():
        print(
            f"{way:<18} {way_wall:6.2f} s wall ({way_wall / wall:4.1f} × ours), {way_cpu:6.2f} s CPU "
            f"({way_cpu / cpu:4.1f} ×), {extra:6.0f} MB anonymous = {extra / megabytes:5.2f} models"
        )


def _make_files(folder: Path, name: str, count: int) -> float:
    import timm
    import torch

    model = timm.create_model(name, num_classes=1000)
    for number in range(count):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.01 * torch.randn(parameter.shape))
        torch.save({"state_dict": model.state_dict(), "epoch": number}, folder / f"{number:03}.pth")
    return (folder / "000.pth").stat().st_size / 1024**2


def _measure(way: str, folder: Path) -> list[float]:
    import torch
    from safetensors.torch import save_file

    from toprung.checkpoints.averaging import average_files

    files, out = sorted(folder.glob("*.pth")), folder / f"{os.getpid()}.safetensors"

    def load(file: Path) -> dict[str, torch.Tensor]:
        state: dict[str, torch.Tensor] = torch.load(file, map_location="cpu", weights_only=True)["state_dict"]
        return state

    def ours() -> None:
        average_files(files, [1 / len(files)] * len(files), out)

    def all_at_once(dtype: torch.dtype) -> None:
        states = [load(file) for file in files]
        keep({name: torch.stack([s[name].to(dtype) for s in states]).mean(0).float() for name in states[0]})

    def one_by_one() -> None:
        total: dict[str, torch.Tensor] = {}
        for file in files:
            for name, tensor in load(file).items():
                if name in total:
                    total[name] += tensor.to(torch.float64)
                else:
                    total[name] = tensor.to(torch.float64)
        keep({name: tensor.div_(len(files)).float() for name, tensor in total.items()})

    def keep(state: dict[str, torch.Tensor]) -> None:
        save_file(state, out)
        with out.open("rb") as written:
            os.fsync(written.fileno())

    work = {
        WAYS[0]: ours,
        WAYS[1]: lambda: all_at_once(torch.float32),
        WAYS[2]: lambda: all_at_once(torch.float64),
        WAYS[3]: one_by_one,
    }[way]
    before = anonymous_megabytes()
    with _Peak() as peak:
        cost: Cost = cost_of(work)
    out.unlink()
    return [cost.wall, cost.cpu, peak.megabytes - before]


class _Peak:
    """Looks every few milliseconds how much anonymous memory the process has."""

    def __init__(self) -> None:
        self.megabytes = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Peak:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.is_set():
            self.megabytes = max(self.megabytes, anonymous_megabytes())
            time.sleep(0.005)


if __name__ == "__main__":
    main()
