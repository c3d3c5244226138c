"""How long until help is there, each in a fresh process, against importing torch and timm."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from benchmarks.measuring import print_machine
from toprung.cli.main import VERBS

RUNS = 15


def main() -> None:
    """Print medians of fresh processes."""
    print_machine()
    commands = {"toprung --help": ["-m", "toprung", "--help"]}
    commands |= {f"toprung {verb} --help": ["-m", "toprung", verb, "--help"] for verb in VERBS}
    commands["import torch, timm"] = ["-c", "import torch, timm"]
    commands["python alone"] = ["-c", "pass"]
    for name, arguments in commands.items():
        runs = RUNS if "torch" not in name else 5
        print(f"{name:<28} {statistics.median(_seconds(arguments) for _ in range(runs)):.3f} s")


def _seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
