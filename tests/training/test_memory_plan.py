"""Properties of the choice, with memory that grows as that of real models does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from toprung.training.memory_plan import ENOUGH, Choice, Means, Needed, Unfittable, choose

WAYS = [
    Means("fp32"),
    Means("fp32", grad_checkpointing=True),
    Means("bf16", grad_checkpointing=True),
    Means("bf16", grad_checkpointing=True, optimizer="bnbadamw8bit"),
]
FROZEN = [Means("bf16", True, "bnbadamw8bit", f"blocks:{n}") for n in range(1, 9)]


def _model(weights: int, activations: int) -> Needed:
    def needed(means: Means, micro_batch: int) -> int:
        frozen = 0 if means.freeze == "none" else int(means.freeze.partition(":")[2])
        per_weight = 8 if means.optimizer == "adamw" else 2
        each = activations // (8 if means.grad_checkpointing else 1) // (2 if means.precision == "bf16" else 1)
        trained = weights * (10 - frozen) // 10
        return 4 * weights + (4 + per_weight) * trained + micro_batch * each

    return needed


models = st.builds(_model, st.integers(1, 10**6), st.integers(1, 10**6))
budgets = st.integers(1, 5 * 10**7)
batches = st.integers(1, 300)


@given(models, budgets, batches, st.integers(1, 8))
def test_what_is_chosen_fits_and_keeps_the_effective_batch(
    needed: Needed, budget: int, pictures: int, processes: int
) -> None:
    chosen = choose(WAYS, FROZEN, pictures=pictures, processes=processes, budget=budget, needed=needed)
    if isinstance(chosen, Unfittable):
        assert all(needed(means, 1) > budget for means in (*WAYS, *FROZEN))
        assert chosen.needed == min(needed(means, 1) for means in (*WAYS, *FROZEN))
        return
    assert chosen.needed == needed(chosen.means, chosen.micro_batch) <= budget
    assert chosen.micro_batch * chosen.accumulation * chosen.processes == pictures * processes


@given(models, budgets, budgets, batches)
def test_more_memory_never_gives_a_smaller_micro_batch_nor_more_frozen_blocks(
    needed: Needed, one: int, other: int, pictures: int
) -> None:
    less, more = (
        choose(WAYS, FROZEN, pictures=pictures, processes=1, budget=budget, needed=needed)
        for budget in sorted((one, other))
    )
    if isinstance(less, Unfittable):
        return
    assert isinstance(more, Choice)
    if less.means.freeze == more.means.freeze == "none":
        assert more.micro_batch >= less.micro_batch
    order = [*WAYS, *FROZEN]
    if less.means in WAYS:
        assert more.means in WAYS
    elif more.means in FROZEN:
        assert order.index(more.means) <= order.index(less.means)


@given(models, budgets, batches)
def test_freezing_is_the_last_resort_and_mild_means_come_first(needed: Needed, budget: int, pictures: int) -> None:
    chosen = choose(WAYS, FROZEN, pictures=pictures, processes=1, budget=budget, needed=needed)
    if isinstance(chosen, Unfittable):
        return
    if chosen.means.freeze != "none":
        assert all(needed(means, 1) > budget for means in WAYS)
        milder = FROZEN[: FROZEN.index(chosen.means)]
        assert all(needed(means, 1) > budget for means in milder)
    elif chosen.means != WAYS[0]:
        # a milder way would not have taken as many pictures at a time
        milder = WAYS[: WAYS.index(chosen.means)]
        assert chosen.micro_batch <= ENOUGH
        assert all(needed(means, chosen.micro_batch) > budget for means in milder)


def test_nothing_is_done_where_all_fits() -> None:
    chosen = choose(WAYS, FROZEN, pictures=64, processes=2, budget=10**9, needed=_model(10, 10))
    assert chosen == Choice(WAYS[0], 64, 1, 2, _model(10, 10)(WAYS[0], 64))
