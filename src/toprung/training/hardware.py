"""Choose device, precision and memory layout: tested on this machine with this model, not assumed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from toprung.errors import RecipeError
from toprung.models.catalogue import is_convolutional
from toprung.training.recipe import HardwareSettings

# bf16 keeps 8 bits of a number's precision; on a CPU it must be clearly faster to be worth that.
WORTHWHILE = 1.3


@dataclass(frozen=True)
class HardwarePlan:
    """What the settings came to on this machine.

    Attributes:
        device: ``cpu``, ``cuda`` or ``mps``.
        precision: ``fp32``, ``bf16`` or ``fp16``.
        channels_last: whether pictures lie as NHWC in memory.
        notes: one line for each choice, with its reason.
    """

    device: str
    precision: str
    channels_last: bool
    notes: tuple[str, ...]

    @property
    def dtype(self) -> torch.dtype:
        """The autocast type."""
        return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[self.precision]


def resolve(settings: HardwareSettings, model: nn.Module, input_size: tuple[int, int]) -> HardwarePlan:
    """Decide what ``auto`` means here.

    Args:
        settings: as asked for.
        model: the network, on the CPU; it is left as it was.
        input_size: height and width in pixels.

    Raises:
        RecipeError: a device or precision that this machine does not have.
    """
    device = _resolve_device(settings.device)
    channels_last = settings.channels_last == "on" or (settings.channels_last == "auto" and is_convolutional(model))
    precision, reason = _resolve_precision(settings.precision, device, model, input_size, channels_last)
    layout = "channels_last" if channels_last else "contiguous"
    return HardwarePlan(device, precision, channels_last, (f"{device}, {precision} ({reason}), {layout}",))


def _resolve_device(asked: str) -> str:
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if asked == "auto":
        return "cuda" if available["cuda"] else "mps" if available["mps"] else "cpu"
    if not available[asked]:
        raise RecipeError(
            f"hardware.device = {asked!r}, but torch {torch.__version__} sees no such device here; use auto or cpu."
        )
    return asked


def _resolve_precision(
    asked: str, device: str, model: nn.Module, input_size: tuple[int, int], channels_last: bool
) -> tuple[str, str]:
    if asked == "fp16" and device == "cpu":
        raise RecipeError("hardware.precision = 'fp16' does not train on a CPU; use bf16, fp32 or auto.")
    if asked != "auto":
        return asked, "as asked"
    if device == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return "bf16", "supported by this GPU"
        return "fp16", "this GPU has no bf16"
    if device == "mps":
        return "fp32", "the safe choice on Apple GPUs"
    full = _step_seconds(model, input_size, channels_last, torch.float32)
    half = _step_seconds(model, input_size, channels_last, torch.bfloat16)
    if full / half >= WORTHWHILE:
        return "bf16", f"measured {full / half:.1f} × as fast as fp32 on this CPU"
    return "fp32", f"bf16 measured at {full / half:.1f} × its speed on this CPU"


def _step_seconds(model: nn.Module, size: tuple[int, int], channels_last: bool, dtype: torch.dtype) -> float:
    """Return the time of a forward and backward pass of four pictures, the better of two after a warm-up."""
    states = {name: buffer.clone() for name, buffer in model.named_buffers()}
    was_training = model.training
    images = torch.randn(4, 3, *size)
    if channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if channels_last else torch.contiguous_format

    def step() -> None:
        with torch.autocast("cpu", dtype=dtype, enabled=dtype != torch.float32):
            logits = model(images)
        F.cross_entropy(logits.float(), torch.zeros(len(images), dtype=torch.long)).backward()

    try:
        with torch.random.fork_rng(devices=[]):
            model.train().to(memory_format=layout)
            seconds = min(_timed(step) for _ in range(3))
    finally:
        model.train(was_training)
        model.zero_grad(set_to_none=True)
        for name, buffer in model.named_buffers():
            buffer.copy_(states[name])  # BatchNorm's statistics have seen noise
    return seconds


def _timed(step: Callable[[], None]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start
