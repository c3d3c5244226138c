from __future__ import annotations

import pytest

from toprung.errors import RecipeError
from toprung.training.presets import compose


@pytest.mark.parametrize(
    "settings",
    [
        {"schedule.epochs": 3},
        {"optimisation.lr": 1e-3},
        {"averaging.ema_decay": 0.9},
        {"augment.flip": 0.0},
        {"augment.mixup": 0.2, "probe.views": 3},
    ],
)
def test_what_a_probe_does_not_heed_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match="no effect on a probe"):
        compose("probe", settings)


def test_what_a_probe_heeds_is_taken() -> None:
    recipe = compose("probe", {"optimisation.batch_size": 7, "augment.flip": 0.0, "probe.views": 3, "seed": 4})
    assert (recipe.probe.views, recipe.augment.flip) == (3, 0.0)
    assert compose("probe", {"probe.head": "none", "schedule.epochs": 3}).schedule.epochs == 3
    assert compose("quick", {"schedule.epochs": 3}).schedule.epochs == 3
