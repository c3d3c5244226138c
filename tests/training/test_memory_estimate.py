"""The estimate against closed forms, published counts, identities, and the memory that it must not take itself."""

from __future__ import annotations

import functools
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

from toprung.models.catalogue import build_empty
from toprung.training.checkpointing import set_grad_checkpointing
from toprung.training.live_memory import ExactAllocator
from toprung.training.memory_estimate import estimate_memory
from toprung.training.recipe import Recipe
from toprung.training.trial_step import TrialBatch, TrialFindings, run_trial

VIT_TINY = 5_717_416  # parameters with 1000 classes, as in timm's results table
STEP = 4  # bytes of AdamW's count of steps, one per tensor


@functools.cache
def _shapes(name: str) -> nn.Module:
    return build_empty(name, 1000, {})


def _trial(
    name: str = "test_vit", pictures: int = 8, micro_batch: int | None = None, side: int = 160, **settings: Any
) -> TrialFindings:
    recipe = Recipe().with_settings({key.replace("__", "."): value for key, value in settings.items()})
    module = _shapes(name)
    set_grad_checkpointing(module, on=recipe.hardware.grad_checkpointing)
    dtype = torch.bfloat16 if recipe.hardware.precision == "bf16" else torch.float32
    batch = TrialBatch(pictures, micro_batch or pictures, (side, side), 1000)
    return run_trial(module, recipe, batch, ExactAllocator(), dtype=dtype, channels_last=False, foreach=False, steps=1)


def test_weights_gradients_and_adam_are_four_four_and_eight_bytes_per_parameter() -> None:
    found = _trial("vit_tiny_patch16_224", pictures=1, side=224)
    tensors = len(list(_shapes("vit_tiny_patch16_224").parameters()))
    assert found.parameters == found.gradients == 4 * VIT_TINY
    assert found.state == 8 * VIT_TINY + STEP * tensors


@pytest.mark.parametrize(("optimizer", "per_parameter"), [("sgd", 4), ("lion", 4)])
def test_other_optimisers_keep_what_they_keep(optimizer: str, per_parameter: int) -> None:
    found = _trial(optimisation__optimizer=optimizer)
    assert found.state == pytest.approx(per_parameter * found.parameters / 4, rel=0.001)


def test_eight_bit_adamw_keeps_two_bytes_and_their_scales() -> None:
    found = _trial(optimisation__optimizer="bnbadamw8bit")
    shapes = [parameter.numel() for parameter in _shapes("test_vit").parameters()]
    expected = sum(8 * n if n < 4096 else 2 * n + 2 * 4 * -(-n // 256) for n in shapes)
    assert found.state == expected


def test_a_frozen_prefix_of_eight_blocks_leaves_29122024_parameters_of_vit_b_to_train() -> None:
    found = _trial("vit_base_patch16_224", pictures=1, side=224, optimisation__freeze="blocks:8")
    assert found.gradients == 4 * 29_122_024
    whole = _trial("vit_base_patch16_224", pictures=1, side=224)
    assert found.state < whole.state
    assert found.activations < whole.activations


def test_averages_hold_one_copy_each() -> None:
    plain = _trial()
    for settings in ({"averaging__ema_decay": 0.9}, {"averaging__swa": True}):
        assert _trial(**settings).average == plain.parameters


@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_activations_grow_by_the_same_for_each_picture(name: str, checkpointing: bool) -> None:
    two, four, eight = (
        _trial(name, pictures=count, hardware__grad_checkpointing=checkpointing).activations for count in (2, 4, 8)
    )
    assert eight - four == pytest.approx(2 * (four - two), rel=0.01)


@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
def test_checkpointing_bf16_and_small_micro_batches_lower_what_is_kept(name: str) -> None:
    plain = _trial(name, pictures=16)
    for settings in (
        {"hardware__grad_checkpointing": True},
        {"hardware__precision": "bf16"},
        {"micro_batch": 4},
    ):
        found = _trial(name, pictures=16, **settings)
        assert found.activations < plain.activations, settings
        assert found.live < plain.live, settings
        assert found.parameters == plain.parameters


def test_further_micro_batches_take_no_more_than_two() -> None:
    assert _trial(pictures=64, micro_batch=4).activations == _trial(pictures=8, micro_batch=4).activations


def test_several_processes_keep_buckets_for_their_gradients() -> None:
    def peak(processes: int, device: str = "cuda") -> int:
        return estimate_memory(
            _shapes("test_vit"),
            Recipe(),
            TrialBatch(4, 4, (160, 160), 1000),
            device=device,
            dtype=torch.float32,
            channels_last=False,
            processes=processes,
        ).peak

    assert peak(2) - peak(1) == _trial().gradients
    assert peak(1, "cpu") > 0


def test_the_module_is_left_as_it_was() -> None:
    module = _shapes("test_resnet").eval()
    _trial("test_resnet", optimisation__freeze="backbone")
    assert not module.training
    assert all(
        parameter.is_meta and parameter.requires_grad and parameter.grad is None for parameter in module.parameters()
    )


NOTHING_TAKEN = """
import resource, torch
from toprung.models.catalogue import build_empty
from toprung.training.live_memory import ExactAllocator
from toprung.training.recipe import Recipe
from toprung.training.trial_step import TrialBatch, run_trial
def trial(name, side):
    model = build_empty(name, 1000, {})
    batch = TrialBatch(64, 64, (side, side), 1000)
    how = {"dtype": torch.float32, "channels_last": False, "foreach": False, "steps": 1}
    return run_trial(model, Recipe(), batch, ExactAllocator(), **how).live
trial("test_vit", 160)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert trial("vit_base_patch16_224", 224) > 7e9
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux")
def test_an_estimate_of_seven_gigabytes_takes_none_of_them() -> None:
    done = subprocess.run([sys.executable, "-c", NOTHING_TAKEN], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100_000


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ["vit_small_patch16_224", "resnet50"])
def test_on_cuda_the_peak_is_what_torch_counts(name: str) -> None:
    from benchmarks.memory import Case, estimated, measured

    case = Case(name, 16, "bf16")
    assert estimated(case, "cuda") == pytest.approx(measured(case, "cuda"), rel=0.15)
