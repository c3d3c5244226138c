"""How near is the estimate of a step's memory to what real steps take? Each model in a process of its own.

On a CPU: the peak of resident memory over three steps, less what the process held after its imports and a step of two
tiny models, which load the kernels. On CUDA: torch's ``max_memory_allocated``. Linux only, for the CPU.

    python -m benchmarks.memory                    # every case that fits in --limit MB
    python -m benchmarks.memory --only vit_tiny
    python -m benchmarks.memory --device cuda
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import print_machine


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    model: str
    batch: int
    precision: str = "fp32"
    checkpointing: bool = False
    freeze: str = "none"
    micro_batch: int = 0
    optimizer: str = "adamw"

    @property
    def what(self) -> str:
        """The columns before the figures."""
        micro = f"{self.batch} by {self.micro_batch}" if self.micro_batch else str(self.batch)
        more = ", ".join(
            word
            for word in ("checkpointing" * self.checkpointing, self.freeze * (self.freeze != "none"), self.optimizer)
            if word and word != "adamw"
        )
        return f"| {self.model} | {micro} | {self.precision} | {more} |"


_VITS = ("vit_tiny_patch16_224", "vit_small_patch16_224", "vit_base_patch16_224", "vit_large_patch16_224")
_CONV = ("resnet50", "convnext_tiny", "efficientnet_b0", "regnety_016", "resnet18")
_OTHERS = (*_CONV, "swin_tiny_patch4_window7_224")
CASES = (
    *(Case(model, batch) for model, batch in zip(_VITS, (32, 16, 8, 2), strict=True)),
    *(Case(model, batch, "bf16") for model, batch in zip(_VITS, (32, 16, 8, 2), strict=True)),
    *(Case(model, batch, checkpointing=True) for model, batch in zip(_VITS, (32, 32, 8, 4), strict=True)),
    Case("vit_tiny_patch16_224", 8),
    Case("vit_base_patch16_224", 16, "bf16", checkpointing=True),
    Case("vit_base_patch16_224", 8, freeze="blocks:8"),
    Case("vit_large_patch16_224", 4, freeze="blocks:20"),
    Case("vit_base_patch16_224", 32, micro_batch=4),
    Case("vit_small_patch16_224", 16, optimizer="lion"),
    *(Case(model, 16) for model in _OTHERS),
    *(Case(model, 16, "bf16") for model in ("resnet50", "convnext_tiny", "swin_tiny_patch4_window7_224")),
    *(Case(model, 16, checkpointing=True) for model in ("resnet50", "efficientnet_b0", "swin_tiny_patch4_window7_224")),
    Case("resnet50", 16, optimizer="sgd"),
)
_CLASSES, _SIDE = 1000, 224


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--only", default="", help="Cases whose model's name holds this.")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="Where the steps are taken.")
    parser.add_argument("--limit", type=int, default=8000, help="Leave out what is estimated to take more MB.")
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(measured(Case(**json.loads(arguments.case)), arguments.device)))
        return
    print_machine()
    print("| model | batch | precision | beside | estimate MB | measured MB | error |")
    print("| --- | ---: | --- | --- | ---: | ---: | ---: |", flush=True)
    errors = []
    for case in CASES:
        if arguments.only not in case.model:
            continue
        estimate = estimated(case, arguments.device) / 1e6
        if estimate > arguments.limit:
            print(f"{case.what} {estimate:.0f} | left out | |", flush=True)
            continue
        command = [sys.executable, "-m", "benchmarks.memory", "--device", arguments.device]
        case_text = json.dumps(asdict(case))
        done = subprocess.run([*command, "--case", case_text], check=True, stdout=subprocess.PIPE)
        taken = json.loads(done.stdout) / 1e6
        errors.append(estimate / taken - 1)
        print(f"{case.what} {estimate:.0f} | {taken:.0f} | {errors[-1]:+.1%} |", flush=True)
    worst = max(errors, key=abs)
    mean = sum(map(abs, errors)) / len(errors)
    print(f"\n{len(errors)} cases: error {mean:.1%} in the mean of absolute values, {worst:+.1%} at worst")


def _recipe(case: Case) -> Any:
    from toprung.training.recipe import Recipe

    return Recipe().with_settings(
        {
            "model.name": case.model,
            "optimisation.batch_size": case.batch,
            "optimisation.micro_batch": case.micro_batch,
            "optimisation.optimizer": case.optimizer,
            "optimisation.freeze": case.freeze,
            "hardware.grad_checkpointing": case.checkpointing,
        }
    )


def estimated(case: Case, device: str) -> int:
    """Return the estimated bytes of a case's steps."""
    import torch

    from toprung.models.catalogue import build_empty, is_convolutional
    from toprung.training.checkpointing import set_grad_checkpointing
    from toprung.training.memory_estimate import estimate_memory
    from toprung.training.trial_step import TrialBatch

    model = build_empty(case.model, _CLASSES, {})
    set_grad_checkpointing(model, on=case.checkpointing)
    batch = TrialBatch(case.batch, case.micro_batch or case.batch, (_SIDE, _SIDE), _CLASSES)
    return estimate_memory(
        model,
        _recipe(case),
        batch,
        device=device,
        dtype=torch.bfloat16 if case.precision == "bf16" else torch.float32,
        channels_last=is_convolutional(model),
    ).peak


def measured(case: Case, device: str) -> int:
    """Return the bytes that a case's steps take; in a fresh process."""
    import torch

    from toprung.data.malloc import raise_malloc_thresholds, return_large_blocks

    if device == "cpu":
        (return_large_blocks if case.checkpointing else raise_malloc_thresholds)()
    for tiny in ("test_vit", "test_resnet"):
        _train(Case(tiny, 2, case.precision, optimizer=case.optimizer), device, side=160)
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        _train(case, device)
        return int(torch.cuda.max_memory_allocated())
    before = _kilobytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # sets VmHWM, the peak, to what is held now (proc(5))
    _train(case, device)
    return (_kilobytes("VmHWM") - before) * 1024


def _train(case: Case, device: str, side: int = _SIDE) -> None:
    """Take three steps, as toprung's loop does."""
    import torch

    from toprung.models.catalogue import build, is_convolutional
    from toprung.training.checkpointing import set_grad_checkpointing
    from toprung.training.freezing import Freezer, train_mode
    from toprung.training.losses import classification, make_loss
    from toprung.training.optimizer import make_optimizer
    from toprung.training.parameters import parameter_groups

    recipe = _recipe(case)
    model = build(case.model, _CLASSES, {}).to(device)
    set_grad_checkpointing(model, on=case.checkpointing)
    layout = torch.channels_last if is_convolutional(model) else torch.contiguous_format
    model = model.to(memory_format=layout)
    Freezer(model).freeze(case.freeze)
    optimizer = make_optimizer(recipe.optimisation, parameter_groups(model, lr=1e-4, weight_decay=0.05))
    objective = classification(make_loss("cross_entropy", focal_gamma=0))
    parts = -(-case.batch // (case.micro_batch or case.batch))
    for _ in range(3):
        train_mode(model)
        optimizer.zero_grad(set_to_none=True)
        images = torch.randint(0, 256, (case.batch, 3, side, side), dtype=torch.uint8, device=device)
        inputs = images.contiguous(memory_format=layout).float().div_(255)
        targets = torch.full((case.batch, _CLASSES), 1 / _CLASSES, device=device)
        for part, wanted in zip(inputs.chunk(parts), targets.chunk(parts), strict=True):
            with torch.autocast(device, torch.bfloat16, enabled=case.precision == "bf16"):
                loss = objective(model, part, wanted).sum() / case.batch
            loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


def _kilobytes(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {name}")


if __name__ == "__main__":
    main()
