"""How much memory training takes, told before it is taken.

A step is run on tensors that have shapes and no values, and every tensor is followed from birth to death
(:mod:`live_memory`). What the device's allocator adds to the tensors is modelled for glibc (:mod:`glibc_heap`), and a
few constants stand for what no tensor shows. docs/memory.md has the measured errors.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import torch
from torch import nn

from toprung.data.malloc import RETURNED_BYTES, REUSED_BYTES, TRIM_BYTES
from toprung.training.glibc_heap import GlibcHeap
from toprung.training.live_memory import Allocator, ExactAllocator
from toprung.training.recipe import Recipe
from toprung.training.trial_step import TrialBatch, TrialFindings, run_trial

MIB = 1024**2
MARGIN = 1.1

# Fitted to the table in docs/memory.md: what kernels take inside of an operation, and the holes that small blocks of
# other parts of the process keep open between the large ones.
_UNSEEN = 1.1

# cuBLAS keeps workspaces: 32 MiB and more on Hopper, 8 MiB before (torch's CUBLAS_WORKSPACE_CONFIG).
_CUDA_WORKSPACE = 40 * MIB


@dataclass(frozen=True)
class MemoryEstimate:
    """What one process needs for training, in bytes.

    Attributes:
        findings: the parts, as seen on tensors.
        reduction: buckets in which several processes add their gradients.
        peak: the most that a step takes at once, with what the allocator adds.
        base: what the libraries take beside it: a CUDA context, or Python and torch on a CPU.
    """

    findings: TrialFindings
    reduction: int
    peak: int
    base: int

    @property
    def needed(self) -> int:
        """Bytes that should be free: the libraries, and the peak with a margin for the estimate's error."""
        return self.base + math.ceil(self.peak * MARGIN)


def estimate_memory(
    module: nn.Module,
    recipe: Recipe,
    batch: TrialBatch,
    *,
    device: str,
    dtype: torch.dtype,
    channels_last: bool,
    processes: int = 1,
) -> MemoryEstimate:
    """Return what training a model by a recipe takes, without taking it.

    Args:
        module: real or on ``meta``, with gradient checkpointing as it will be; left as it was.
        recipe: as in training; its batch sizes are not used, ``batch`` is.
        batch: the pictures of a step in one process.
        device: ``cpu``, ``cuda`` or ``mps``.
        dtype: of autocast; float32 for none.
        channels_last: layout of the pictures.
        processes: how many train together.

    Raises:
        RecipeError, ModelError: as :func:`toprung.training.trial_step.run_trial`.
    """
    allocator = _allocator(device, returns_blocks=recipe.hardware.grad_checkpointing)
    findings = run_trial(
        module,
        recipe,
        batch,
        allocator,
        dtype=dtype,
        channels_last=channels_last,
        foreach=device == "cuda",
        steps=1 if isinstance(allocator, ExactAllocator) else 2,
    )
    reduction = findings.gradients if processes > 1 else 0
    return MemoryEstimate(findings, reduction, _with_unseen(allocator.peak, device, recipe) + reduction, _BASE[device])


def _with_unseen(peak: int, device: str, recipe: Recipe) -> int:
    if device == "cuda":
        return peak + _CUDA_WORKSPACE
    if device == "cpu" and not recipe.hardware.grad_checkpointing:
        return math.ceil(peak * _UNSEEN)
    return peak


# Measured: the resident memory of a process that has imported torch, timm and accelerate and taken a step of a model of
# 0.4 million parameters; and, for CUDA, what a context takes outside of torch's allocator.
_BASE = {"cpu": 800 * MIB, "mps": 800 * MIB, "cuda": 600 * MIB}


def _allocator(device: str, *, returns_blocks: bool) -> Allocator:
    if device == "cpu" and sys.platform.startswith("linux"):
        if returns_blocks:
            return GlibcHeap(map_from=RETURNED_BYTES, trim_at=RETURNED_BYTES)
        return GlibcHeap(map_from=REUSED_BYTES, trim_at=TRIM_BYTES)
    return ExactAllocator()
