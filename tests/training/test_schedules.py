import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from timm.scheduler import CosineLRScheduler
from torch.optim.lr_scheduler import CosineAnnealingLR

from toprung.training.schedules import warmup_cosine


@pytest.fixture
def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.8)


@pytest.mark.parametrize("floor", [0.0, 0.01, 0.5, 1.0])
def test_without_warmup_equals_torchs_cosine_annealing(optimizer: torch.optim.Optimizer, floor: float) -> None:
    scheduler = CosineAnnealingLR(optimizer, T_max=37, eta_min=0.8 * floor)
    for step in range(38):
        assert 0.8 * warmup_cosine(step, total=37, warmup=0, floor=floor) == pytest.approx(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize(("total", "warmup", "floor"), [(50, 5, 0.01), (20, 1, 0.0), (9, 8, 0.1)])
def test_equals_timms_cosine_with_warmup_prefix(
    optimizer: torch.optim.Optimizer, total: int, warmup: int, floor: float
) -> None:
    # timm's warm-up reaches the peak one step later than ours, so only what follows it is compared
    scheduler = CosineLRScheduler(
        optimizer,
        t_initial=total - warmup,
        lr_min=0.8 * floor,
        warmup_t=warmup,
        warmup_lr_init=0.8 / warmup,
        warmup_prefix=True,
        t_in_epochs=False,
    )
    for step in range(warmup, total):
        scheduler.step_update(step)
        expected = optimizer.param_groups[0]["lr"]
        assert 0.8 * warmup_cosine(step, total=total, warmup=warmup, floor=floor) == pytest.approx(expected)


settings = st.integers(2, 500).flatmap(
    lambda total: st.tuples(st.just(total), st.integers(0, total - 1), st.floats(0, 1))
)


@given(settings, st.data())
def test_closed_form(drawn: tuple[int, int, float], data: st.DataObject) -> None:
    total, warmup, floor = drawn
    step = data.draw(st.integers(0, total))
    value = warmup_cosine(step, total=total, warmup=warmup, floor=floor)
    if step < warmup:
        assert value * warmup == pytest.approx(step + 1)
    else:
        # cos² of the half angle is the raised cosine
        angle = math.pi / 2 * (step - warmup) / (total - warmup)
        assert value == pytest.approx(floor + (1 - floor) * math.cos(angle) ** 2, abs=1e-12)


@given(settings)
def test_climbs_to_the_peak_then_falls_to_the_floor(drawn: tuple[int, int, float]) -> None:
    total, warmup, floor = drawn
    values = [warmup_cosine(step, total=total, warmup=warmup, floor=floor) for step in range(total + 1)]
    assert max(values) == pytest.approx(1)
    assert values[:warmup] == sorted(values[:warmup])
    assert values[warmup:] == sorted(values[warmup:], reverse=True)
    assert values[warmup] == 1
    assert values[-1] == pytest.approx(floor)
    assert values[0] > 0


def test_stays_at_the_floor_after_the_end() -> None:
    assert warmup_cosine(1000, total=10, warmup=2, floor=0.25) == 0.25
