import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from toprung.seeding import derive_seed, generator, seed_global_generators

positions = st.lists(st.integers(0, 10**9), max_size=3).map(tuple)
purposes = st.sampled_from(["augment", "order", "step", "initialisation", "mix"])


def test_the_hash_is_blake2b_of_the_text() -> None:
    # printf '0/augment/3/7' | b2sum -l 64 prints b278f5d602d44a17, read as a little-endian number and halved
    assert derive_seed(0, "augment", 3, 7) == 839193459905182809


@given(st.tuples(st.integers(0, 10**6), purposes, positions), st.tuples(st.integers(0, 10**6), purposes, positions))
def test_seeds_differ_exactly_when_seed_purpose_or_position_do(
    one: tuple[int, str, tuple[int, ...]], other: tuple[int, str, tuple[int, ...]]
) -> None:
    first, second = (derive_seed(seed, purpose, *position) for seed, purpose, position in (one, other))
    assert (first == second) == (one == other)
    assert 0 <= first < 2**63


def test_positions_do_not_run_together() -> None:
    assert len({derive_seed(0, "a", *p) for p in [(1, 23), (12, 3), (123,), (1, 2, 3)]}) == 4
    assert derive_seed(1, "a", 2) != derive_seed(12, "a")


@given(st.integers(0, 99), purposes, positions)
def test_a_generator_depends_on_its_position_alone(seed: int, purpose: str, position: tuple[int, ...]) -> None:
    first = generator(seed, purpose, *position).random(4)
    generator(seed, "other").random(1000)
    np.random.default_rng().random(5)
    assert np.array_equal(generator(seed, purpose, *position).random(4), first)


def test_neighbouring_positions_are_independent_and_uniform() -> None:
    drawn = np.array([[generator(0, "augment", epoch, i).random() for i in range(300)] for epoch in range(10)])
    assert stats.kstest(drawn.ravel(), "uniform").pvalue > 1e-3
    assert stats.pearsonr(drawn[:, :-1].ravel(), drawn[:, 1:].ravel()).pvalue > 1e-3
    assert stats.pearsonr(drawn[:-1].ravel(), drawn[1:].ravel()).pvalue > 1e-3


def draw() -> tuple[float, float, float]:
    return random.random(), np.random.rand(), torch.rand(()).item()


@pytest.mark.parametrize("step", [0, 10**12])
def test_all_global_generators_start_anew(step: int) -> None:
    seed_global_generators(7, "step", step)
    first = draw()
    for _ in range(5):
        draw()
    seed_global_generators(7, "step", step)
    assert draw() == first
    seed_global_generators(7, "step", step + 1)
    assert all(a != b for a, b in zip(draw(), first, strict=True))


def test_another_process_draws_the_same() -> None:
    # Python's own hash() differs from process to process; the seeds must not
    code = "from toprung.seeding import *; print(derive_seed(3, 'order', 5), generator(3, 'x').random())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(derive_seed(3, "order", 5)), str(generator(3, "x").random())]


def test_importing_it_does_not_import_torch() -> None:
    code = "import sys, toprung.seeding; toprung.seeding.generator(0, 'x').random(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
