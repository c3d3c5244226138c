"""Memory that runs out during training."""

from __future__ import annotations

import math

import torch

from toprung.errors import ToprungError


def is_out_of_memory(error: RuntimeError) -> bool:
    """Say whether an error of torch means that memory ran out, on any device."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return "out of memory" in str(error) or "can't allocate memory" in str(error)


def halved(before: int, processes: int) -> int:
    """Return half a micro-batch, rounded up, for memory that ran out with ``before`` pictures per forward pass.

    Raises:
        ToprungError: a single picture was too much, or other processes would go on with the old number.
    """
    if before <= 1:
        raise ToprungError(
            "memory runs out with a single picture per forward pass; `toprung plan` tells how the model fits, or use a "
            "smaller model.name or model.img_size."
        )
    if processes > 1:
        raise ToprungError(
            f"memory ran out with {before} pictures per forward pass; "
            f"start again with --set optimisation.micro_batch={before // 2}."
        )
    return math.ceil(before / 2)
