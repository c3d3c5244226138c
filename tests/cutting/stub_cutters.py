"""Cutters that know nothing: what is dark is the object. The tests of the job around them need no better."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from toprung.cutting.photo import open_photo
from toprung.cutting.result import Cutout
from toprung.cutting.scene import Candidate, Verdict
from toprung.errors import CutoutError


def dark(
    photo: Path,
    plate: Path | None = None,
    second: Path | None = None,
    second_plate: Path | None = None,
    **settings: Any,
) -> Cutout:
    """The name says how it shall come out."""
    opened = open_photo(photo)
    alpha = (1 - opened.rgb.mean(axis=2)).astype(np.float32)
    if plate is not None and open_photo(plate).rgb.shape != opened.rgb.shape:
        raise CutoutError(f"the plate {plate} has another size; give one of the same.")
    reasons = {"trimap": str(settings.get("trimap")), "second": str(second), "methods": str(settings.get("methods"))}
    status = next((status for status in ("check", "failed") if status in photo.name), "good")
    verdict = Verdict(status, 0.01, (0.005, 0.02), tuple(f"{name} {value}." for name, value in reasons.items()))
    everything = Candidate("everything", np.ones_like(alpha), opened.rgb, 0.1, 0.3)
    candidates = (Candidate("dark", alpha, opened.rgb), everything)
    nothing = np.zeros_like(alpha)
    return Cutout(alpha, opened.rgb, candidates, verdict, nothing, "dark", None, None, opened, 0.1)


def logged(photo: Path, *others: Path | None, log: str, **settings: Any) -> Cutout:
    """Tell in a file that it was called."""
    with Path(log).open("a") as file:
        file.write(f"{photo.name}\n")
    return dark(photo, *others)


def clumsy(photo: Path, *others: Path | None, **settings: Any) -> Cutout:
    """Break on some names, as programs do."""
    if "bug" in photo.name:
        raise ZeroDivisionError("oh")
    if "memory" in photo.name:
        raise MemoryError
    if "kill" in photo.name:
        os.kill(os.getpid(), signal.SIGKILL)
    if "exit" in photo.name:
        os._exit(7)
    return dark(photo)


def slow(photo: Path, *others: Path | None, **settings: Any) -> Cutout:
    """Take a while."""
    time.sleep(0.3)
    return dark(photo)


def remember(out: Path, name: str, what: Any, files: tuple[str, ...]) -> None:
    """Note for a review."""
    target = out / "notes" / f"{name}.txt"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(what if isinstance(what, str) else f"{what.verdict.status} {files}")
