import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.errors import TrainingDiverged
from toprung.training.divergence import EXPLOSION, WINDOW, LossWatch


def feed(watch: LossWatch, losses: list[float], start: int = 0, precision: str = "fp32") -> None:
    for step, loss in enumerate(losses, start):
        watch.check(loss, step=step, lr=3e-4, precision=precision)


@pytest.mark.parametrize(("loss", "word"), [(math.nan, "NaN"), (math.inf, "infinite"), (-math.inf, "infinite")])
def test_a_loss_that_is_not_finite_stops_at_once(loss: float, word: str) -> None:
    watch = LossWatch()
    feed(watch, [1.5, 2.25])
    with pytest.raises(TrainingDiverged, match=rf"became {word} at step 2 .*before: 1\.5, 2\.25.*lr 0\.0003") as error:
        watch.check(loss, step=2, lr=3e-4, precision="fp32")
    assert error.value.exit_code == 3


def test_the_first_step_has_nothing_before_it() -> None:
    with pytest.raises(TrainingDiverged) as error:
        LossWatch().check(math.nan, step=0, lr=1.0, precision="bf16")
    assert "before" not in str(error.value)


def test_the_remedy_fits_the_precision() -> None:
    with pytest.raises(TrainingDiverged, match=r"65,504.*hardware\.precision to bf16"):
        LossWatch().check(math.inf, step=0, lr=1.0, precision="fp16")
    with pytest.raises(TrainingDiverged, match=r"lower optimisation\.lr") as error:
        LossWatch().check(math.inf, step=0, lr=1.0, precision="bf16")
    assert "65,504" not in str(error.value)


def test_an_explosion_stops_when_its_mean_over_the_window_passes_ten_times_the_first() -> None:
    watch = LossWatch()
    feed(watch, [2.0] * WINDOW)
    # after k losses of 50 the mean is 2 + k (50 - 2) / 20, above 20 from k = 8
    feed(watch, [50.0] * 7, start=WINDOW)
    with pytest.raises(TrainingDiverged, match=r"exploded.*was 2 at first and is 21\.2 at step 27"):
        watch.check(50.0, step=WINDOW + 7, lr=1e-3, precision="fp32")


@given(st.lists(st.floats(0.2, 1.9), min_size=1, max_size=120))
def test_losses_within_ten_times_each_other_never_stop_a_run(losses: list[float]) -> None:
    watch = LossWatch()
    feed(watch, losses)
    assert max(losses) / min(losses) < EXPLOSION


def test_one_bad_batch_does_not_stop_a_run() -> None:
    watch = LossWatch()
    feed(watch, [1.0] * WINDOW + [150.0] + [1.0] * 50)


def test_a_tiny_first_loss_does_not_make_a_small_one_an_explosion() -> None:
    # fine-tuning an already perfect model: from 0.001 to 0.9 is no divergence
    watch = LossWatch()
    feed(watch, [0.001] * WINDOW + [0.9] * 60)
    with pytest.raises(TrainingDiverged):
        feed(watch, [1.2] * WINDOW)


@given(st.integers(0, 60))
def test_a_saved_watch_goes_on_as_if_nothing_had_happened(cut: int) -> None:
    losses = [2.0] * WINDOW + [60.0] * 40
    watch = LossWatch()
    stopped_at = None
    for step, loss in enumerate(losses):
        if step == cut:
            saved = json.loads(json.dumps(watch.state()))
            watch = LossWatch()
            watch.restore(saved)
        try:
            watch.check(loss, step=step, lr=1.0, precision="fp32")
        except TrainingDiverged:
            stopped_at = step
            break
    assert stopped_at == WINDOW + 6  # the first k with 2 + k (60 - 2) / 20 > 20 is 7
