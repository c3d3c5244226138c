"""Where rungs run: one after another, or side by side on several devices."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from toprung.errors import RecipeError


@dataclass(frozen=True)
class Device:
    """A place for one rung at a time.

    Attributes:
        name: ``cpu``, ``mps``, ``cuda`` or ``cuda:N``; "" for what the recipe chooses.
        threads: for CPU work, 0 for the default.
    """

    name: str = ""
    threads: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make a process see this device alone."""
        found = {}
        kind, _, number = self.name.partition(":")
        if kind == "cuda" and number:
            found["CUDA_VISIBLE_DEVICES"] = number
        if kind == "cpu":
            found["CUDA_VISIBLE_DEVICES"] = ""
        if self.threads:
            found |= {name: str(self.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        return found


def parse_devices(text: str | None) -> list[Device]:
    """Read ``cuda:0,cuda:1`` or ``cpu,cpu``; nothing is one device that the recipes choose.

    Raises:
        RecipeError: a name that is no device.
    """
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if not names:
        return [Device()]
    for name in names:
        kind, _, number = name.partition(":")
        if kind not in ("cpu", "cuda", "mps") or (number and not number.isdigit()):
            raise RecipeError(f"{name!r} is no device; write cpu, mps, cuda or cuda:0, several with commas.")
    shared = max(1, (os.cpu_count() or 1) // len(names)) if len(names) > 1 else 0
    return [Device(name, shared) for name in names]


def settings_for(devices: Sequence[Device]) -> dict[str, str]:
    """Return what all recipes need for these devices to be used."""
    kinds = {device.name.partition(":")[0] for device in devices if device.name}
    return {"hardware.device": kinds.pop()} if len(kinds) == 1 else {}
