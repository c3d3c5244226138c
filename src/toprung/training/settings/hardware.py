"""Where and in which number format the run computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from toprung.training.settings.rule import require


@dataclass(frozen=True)
class HardwareSettings:
    """Where and in which number format the run computes.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``fp32``, ``bf16``, ``fp16``, or ``auto``: bf16 or fp16 on CUDA; on a CPU whichever of fp32
            and bf16 was measured faster on this model.
        channels_last: memory layout of pictures; ``auto`` turns it on for convolutional networks.
        compile: use ``torch.compile`` (costs 15 to 30 seconds, pays on long runs).
        grad_checkpointing: compute activations anew for the backward pass instead of keeping them (Chen et al. 2016):
            less memory, for the time of one more forward pass.
        checkpoint_minutes: a checkpoint within an epoch at least this often; there is one at each epoch's end.
        trackers: further trackers by accelerate's names, such as ``wandb`` or ``mlflow``, comma-separated.
    """

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    channels_last: Literal["auto", "on", "off"] = "auto"
    compile: bool = False
    grad_checkpointing: bool = False
    checkpoint_minutes: float = 5.0
    trackers: str = ""

    def __post_init__(self) -> None:
        require(self.checkpoint_minutes >= 0, "hardware.checkpoint_minutes", self.checkpoint_minutes, "0 or more")
