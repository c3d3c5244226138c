"""How much memory a device has to give now."""

from __future__ import annotations

import torch


def free_memory(device: str) -> int:
    """Return the bytes that training could take on ``cpu``, ``cuda`` or ``mps``."""
    if device == "cuda":
        free, _ = torch.cuda.mem_get_info()
        return int(free)
    if device == "mps":
        return int(torch.mps.recommended_max_memory()) - int(torch.mps.driver_allocated_memory())
    import psutil

    return int(psutil.virtual_memory().available)
