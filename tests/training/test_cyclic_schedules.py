import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import CyclicLR
from torch.optim.swa_utils import SWALR

from toprung.errors import RecipeError
from toprung.training.recipe import Recipe
from toprung.training.schedules import Schedule, Span, make_schedule

PEAK = 0.02
SPAN = Span(steps=60, epoch_steps=10)


def schedule(span: Span = SPAN, **settings: object) -> Schedule:
    given = {f"schedule.{name}": value for name, value in settings.items() if name != "start"}
    given |= {
        "optimisation.lr": PEAK,
        "schedule.warmup_epochs": 0,
        "averaging.swa_start_epoch": settings.get("start", 0),
    }
    return make_schedule(Recipe().with_settings(given), span)


@pytest.mark.parametrize("mode", ["triangular", "triangular2", "exp_range"])
@pytest.mark.parametrize(("up", "down"), [(1, 9), (4, 6), (3, 0), (7, 2)])
def test_equals_torchs_cyclic_lr_and_its_momentum(mode: str, up: int, down: int) -> None:
    gamma = 0.97 if mode == "exp_range" else 1.0
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0, momentum=0.9)
    theirs = CyclicLR(
        optimizer,
        base_lr=0.01 * PEAK,
        max_lr=PEAK,
        step_size_up=up,
        step_size_down=down or 10 - up,
        mode=mode,
        gamma=gamma,
        base_momentum=0.8,
        max_momentum=0.95,
    )
    ours = schedule(
        kind=mode, step_up=up, step_down=down, gamma=gamma, min_lr_ratio=0.01, cycle_momentum=True, max_momentum=0.95
    )
    assert ours.momentum is not None
    for step in range(60):
        group = optimizer.param_groups[0]
        assert PEAK * ours.rate(step) == pytest.approx(group["lr"]), step
        assert ours.momentum(step) == pytest.approx(group["momentum"]), step
        optimizer.step()
        theirs.step()


def test_without_cycle_momentum_the_momentum_stays() -> None:
    assert schedule(kind="triangular").momentum is None


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("anneal", [0, 1, 3])
def test_equals_torchs_swalr_from_where_the_averaging_begins(strategy: str, anneal: int) -> None:
    ours = schedule(kind="swalr", swa_lr_ratio=0.3, anneal_epochs=anneal, anneal=strategy, start=2)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK * ours.rate(20))
    if anneal:  # the rate of the base schedule when averaging begins
        cosine = 0.5 * (1 + math.cos(math.pi * 20 / 60))
        assert ours.rate(20) == pytest.approx(0.01 + 0.99 * cosine)
    theirs = SWALR(optimizer, swa_lr=0.3 * PEAK, anneal_epochs=anneal, anneal_strategy=strategy)
    for epoch in range(2, 6):
        for step in range(10 * epoch, 10 * epoch + 10):
            assert PEAK * ours.rate(step) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()


def test_before_the_averaging_swalr_is_the_plain_cosine() -> None:
    plain, ours = schedule(kind="cosine"), schedule(kind="swalr", start=3)
    assert [ours.rate(step) for step in range(30)] == [plain.rate(step) for step in range(30)]


def test_cosine_cycles_go_from_the_rate_to_a_hundredth_in_every_epoch() -> None:
    # arXiv 2012.12645: 0.02 → 0.0002 within each epoch, per iteration
    rate = schedule(kind="cycles", min_lr_ratio=0.01).rate
    for epoch in range(6):
        for i in range(10):
            expected = 0.0002 + 0.5 * (0.02 - 0.0002) * (1 + math.cos(math.pi * i / 10))
            assert PEAK * rate(10 * epoch + i) == pytest.approx(expected)


@given(st.floats(0.3, 4), st.integers(1, 50))
def test_cycles_of_any_length_repeat(length: float, epoch_steps: int) -> None:
    rate = schedule(Span(1000, epoch_steps), kind="cycles", cycle_epochs=length).rate
    period = max(round(length * epoch_steps), 1)
    assert [rate(step) for step in range(period)] == [rate(step + period) for step in range(period)]
    assert rate(0) == 1


def test_maes_schedule_per_iteration_in_closed_form() -> None:
    # lr · epoch / 5 in the warm-up, then 1e-6 + (lr - 1e-6) / 2 · (1 + cos(π (epoch - 5) / (100 - 5)))
    recipe = Recipe().with_settings(
        {
            "optimisation.lr": 2e-3,
            "schedule.kind": "mae",
            "schedule.epochs": 100,
            "schedule.warmup_epochs": 5,
            "schedule.min_lr": 1e-6,
        }
    )
    rate = make_schedule(recipe, Span(700, 7)).rate
    for step in range(700):
        epoch = step / 7
        after = 1e-6 + (2e-3 - 1e-6) / 2 * (1 + math.cos(math.pi * (epoch - 5) / 95))
        assert 2e-3 * rate(step) == pytest.approx(2e-3 * epoch / 5 if epoch < 5 else after, rel=1e-9)


def test_constant_after_the_warm_up() -> None:
    recipe = Recipe().with_settings({"schedule.kind": "constant", "schedule.warmup_epochs": 0.5})
    rate = make_schedule(recipe, SPAN).rate
    assert [rate(step) for step in range(7)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1, 1])


def test_an_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match="Did you mean triangular"):
        Recipe().with_settings({"schedule.kind": "triangle"})
