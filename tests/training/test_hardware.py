import copy
import os
import re
import subprocess
import sys

import pytest
import timm
import torch
from torch import nn

from toprung.errors import RecipeError
from toprung.training import cpu_precision
from toprung.training.cpu_precision import WORTHWHILE, choose_cpu_precision, operation_gain, step_gain
from toprung.training.hardware import HardwarePlan, resolve
from toprung.training.settings import HardwareSettings

CPU = HardwareSettings(device="cpu")


def make(name: str = "test_vit") -> nn.Module:
    torch.manual_seed(0)
    return timm.create_model(name, num_classes=3, **({"img_size": 32} if "vit" in name else {}))


@pytest.mark.parametrize("name", ["test_vit", "test_resnet", "test_efficientnet"])
def test_auto_on_a_cpu_is_measured_and_follows_the_measurement(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(cpu_precision, "PATIENCE", 1e9)
    plan = resolve(CPU, make(name), (32, 32))
    (note,) = plan.notes
    measured = float(re.search(r"measured (?:at )?([\d.e-]+) ×", note)[1])
    if plan.precision == "bf16":
        assert measured >= WORTHWHILE - 0.05  # rounded to one digit
    else:
        assert plan.precision == "fp32"
        assert measured < WORTHWHILE + 0.05
    assert note.startswith(f"cpu, {plan.precision} (")


@pytest.mark.parametrize(
    ("operation", "step", "precision", "said"),
    [
        (3.0, 2.0, "bf16", "2.0 × as fast"),
        (3.0, WORTHWHILE, "bf16", "1.3 × as fast"),
        (3.0, 1.2, "fp32", "1.2 ×"),
        (3.0, 0.1, "fp32", "0.1 ×"),
        (0.1, None, "fp32", "a matrix product in bf16 measured at 0.1 ×"),
    ],
)
def test_bf16_must_be_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, operation: float, step: float | None, precision: str, said: str
) -> None:
    def measured_step(*_: object, **__: object) -> float:
        assert step is not None, "a step in slow bf16 can take minutes: it must not be begun"
        return step

    monkeypatch.setattr(cpu_precision, "operation_gain", lambda kind: operation)
    monkeypatch.setattr(cpu_precision, "step_gain", measured_step)
    chosen, reason = choose_cpu_precision(make(), (32, 32), channels_last=False)
    assert chosen == precision
    assert said in reason


EMULATED = """
import timm
from toprung.training.hardware import resolve
from toprung.training.settings import HardwareSettings
for name, size in (("test_vit", 160), ("resnet10t", 64)):
    print(resolve(HardwareSettings(device="cpu"), timm.create_model(name, num_classes=3), (size, size)).precision)
"""


def test_a_cpu_without_bf16_instructions_gets_fp32() -> None:
    # oneDNN and ATen can be told to leave newer instructions alone; elsewhere than on x86 they ignore it. One thread,
    # so that other processes on this machine cannot make two threads wait for each other
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("no x86 with AVX2")
    older = os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", EMULATED], env=older, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["fp32", "fp32"]


class _OnlyFloat(nn.Module):
    """A model with an operation that bf16 lacks, in the words in which torch says so."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if torch.is_autocast_enabled("cpu"):
            raise RuntimeError("\"special_op\" not implemented for 'BFloat16'\nmore lines")
        return self.fc(images.mean(dim=(2, 3)))


def test_a_model_that_bf16_cannot_train_gets_fp32_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_precision, "operation_gain", lambda kind: 5.0)
    chosen, reason = choose_cpu_precision(_OnlyFloat(), (8, 8), channels_last=False)
    assert chosen == "fp32"
    assert "\"special_op\" not implemented for 'BFloat16'" in reason
    assert "more lines" not in reason


@pytest.mark.parametrize(("operation", "precision"), [(2.5, "bf16"), (1.5, "fp32")])
def test_a_trial_that_takes_long_is_given_up(monkeypatch: pytest.MonkeyPatch, operation: float, precision: str) -> None:
    monkeypatch.setattr(cpu_precision, "operation_gain", lambda kind: operation)
    monkeypatch.setattr(cpu_precision, "PATIENCE", 0.0)
    chosen, reason = choose_cpu_precision(make(), (32, 32), channels_last=False)
    assert chosen == precision
    assert f"{operation} × the speed of fp32, a whole step takes long here" in reason


@pytest.mark.parametrize("passes", ["forward", "backward"])
def test_a_trial_is_given_up_within_a_pass(monkeypatch: pytest.MonkeyPatch, passes: str) -> None:
    model = make()
    calls = iter(range(10**6))
    forward_calls = sum(1 for _ in model.modules())
    last = 3 if passes == "forward" else forward_calls + 3
    monkeypatch.setattr(cpu_precision.time, "perf_counter", lambda: 0.0 if next(calls) < last else 1e9)
    with pytest.raises(TimeoutError):
        step_gain(model, (32, 32), channels_last=False)
    assert next(calls) == last + 1  # the very next look at the clock was the last
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("kind", ["convolution", "matrix product"])
def test_an_operations_gain_is_a_positive_number(kind: str) -> None:
    assert 0 < operation_gain(kind) < 1000


@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
def test_the_model_and_the_generator_are_left_as_they_were(name: str) -> None:
    model = make(name).train()
    parameters = list(model.parameters())
    parameters[0].requires_grad_(False)
    parameters[1].grad = torch.full_like(parameters[1], 0.5)
    frozen = next(module for module in model.modules() if not list(module.children()))
    frozen.eval()
    reference = copy.deepcopy(model)
    modes = [module.training for module in model.modules()]
    places = [(tensor.data_ptr(), tensor.stride()) for tensor in model.state_dict().values()]
    random = torch.get_rng_state()

    step_gain(model, (32, 32), channels_last=True)

    assert torch.equal(torch.get_rng_state(), random)
    assert [module.training for module in model.modules()] == modes
    assert [(tensor.data_ptr(), tensor.stride()) for tensor in model.state_dict().values()] == places
    for (key, found), expected in zip(model.state_dict().items(), reference.state_dict().values(), strict=True):
        assert torch.equal(found, expected), key
    for found, expected in zip(model.parameters(), reference.parameters(), strict=True):
        assert found.requires_grad == expected.requires_grad
    assert [i for i, parameter in enumerate(parameters) if parameter.grad is not None] == [1]
    assert torch.equal(parameters[1].grad, torch.full_like(parameters[1], 0.5))
    assert [id(parameter) for parameter in model.parameters()] == [id(parameter) for parameter in parameters]


def test_as_asked_measures_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_precision, "operation_gain", None)
    for precision in ("fp32", "bf16"):
        plan = resolve(HardwareSettings(device="cpu", precision=precision), make(), (32, 32))
        assert plan.precision == precision
        assert "as asked" in plan.notes[0]


def test_fp16_on_a_cpu_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"'fp16' does not train on a CPU; use bf16, fp32 or auto"):
        resolve(HardwareSettings(device="cpu", precision="fp16"), make(), (32, 32))


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(RecipeError, match=rf"hardware\.device = '{device}'.*use auto or cpu"):
        resolve(HardwareSettings(device=device), make(), (32, 32))  # type: ignore[arg-type]


@pytest.mark.parametrize(("supported", "precision"), [(True, "bf16"), (False, "fp16")])
def test_auto_prefers_a_gpu_and_its_own_format(
    monkeypatch: pytest.MonkeyPatch, supported: bool, precision: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: supported)
    plan = resolve(HardwareSettings(), make(), (32, 32))
    assert (plan.device, plan.precision) == ("cuda", precision)


@pytest.mark.parametrize(("name", "channels_last"), [("test_vit", False), ("test_resnet", True)])
def test_channels_last_is_for_convolutional_networks(name: str, channels_last: bool) -> None:
    asked = HardwareSettings(device="cpu", precision="fp32")
    assert resolve(asked, make(name), (32, 32)).channels_last == channels_last
    for setting, expected in (("on", True), ("off", False)):
        fixed = HardwareSettings(device="cpu", precision="fp32", channels_last=setting)  # type: ignore[arg-type]
        assert resolve(fixed, make(name), (32, 32)).channels_last == expected


def test_a_plan_names_its_autocast_type() -> None:
    types = {p: HardwarePlan("cpu", p, False, ()).dtype for p in ("fp32", "bf16", "fp16")}
    assert types == {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
