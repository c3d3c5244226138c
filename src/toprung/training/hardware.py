"""Choose device, precision and memory layout: tested on this machine with this model, not assumed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from toprung.errors import RecipeError
from toprung.models.catalogue import is_convolutional
from toprung.training.cpu_precision import choose_cpu_precision
from toprung.training.settings import HardwareSettings


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
    device = resolve_device(settings.device)
    channels_last = settings.channels_last == "on" or (settings.channels_last == "auto" and is_convolutional(model))
    precision, reason = _resolve_precision(settings.precision, device, model, input_size, channels_last)
    layout = "channels_last" if channels_last else "contiguous"
    return HardwarePlan(device, precision, channels_last, (f"{device}, {precision} ({reason}), {layout}",))


def resolve_device(asked: str) -> str:
    """Return ``cpu``, ``cuda`` or ``mps``: what ``auto`` means here, or what was asked for.

    Raises:
        RecipeError: this machine has no such device.
    """
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
    return choose_cpu_precision(model, input_size, channels_last=channels_last)
