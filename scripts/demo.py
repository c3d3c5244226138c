"""The demo of ``make demo``: every command that a first user needs, on the pictures in ``demo/pictures``.

Each command is printed before it runs, so that it can be typed again with other pictures. Nothing is downloaded: the
weights (EfficientNet-Lite0, ImageNet) come with an installed package.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

from toprung.runs.folder import free_name

ROOT = Path(__file__).resolve().parent.parent
PICTURES = Path("demo") / "pictures"


def main() -> None:
    """Look at the data, climb, compare, predict, and say where the results are."""
    climb = free_name(Path("runs"), "demo")
    say("What is in the folder? Counts, sizes, duplicates, doubtful labels:")
    toprung("data", PICTURES)
    say(
        "Climb the ladder `quick`: a probe, fine-tuned networks, SWA, a fusion.\n"
        "   15 % of the pictures are kept to choose on, 15 % for an honest score.\n"
        "   Rungs whose weights are not on this disk are skipped, with a line saying so."
    )
    toprung("climb", PICTURES, "--ladder", "quick", "--set", "model.img_size=168", "--budget", "12m", "--out", climb)
    say("All rungs, best first, and which of them cannot be told apart:")
    toprung("board", climb)
    say("Two scores from a notebook, days of work between them. Is it progress?")
    toprung("compare", "--counts", "1238/1260", "1239/1260")
    winner = json.loads((climb / "climb.json").read_text(encoding="utf-8"))["winner"]["run"]
    table = climb / "predictions.csv"
    say("Predict a folder into a CSV with the rung that won:")
    toprung("predict", climb / winner, PICTURES / "animals", PICTURES / "tools", "-o", table)
    for line in table.read_text(encoding="utf-8").splitlines()[:4]:
        print(f"    {line}")
    say(f"Open {climb / 'report.html'} in a browser: the climb as a picture, what each step won, labels to check.")


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
