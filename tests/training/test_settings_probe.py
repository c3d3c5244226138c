from __future__ import annotations

import pytest

from toprung.errors import RecipeError
from toprung.training.presets import preset
from toprung.training.recipe import Recipe


def test_heads_are_named_one_by_one_or_all() -> None:
    heads = {
        text: Recipe().with_settings({"probe.head": text}).probe.kinds for text in ("none", "knn", "mlp,elm", "all")
    }
    assert heads == {"none": (), "knn": ("knn",), "mlp,elm": ("mlp", "elm"), "all": ("elm", "knn", "linear", "mlp")}


@pytest.mark.parametrize("head", ["svm", "knn,knn", "knn,", "", "all,knn", "_ridge"])
def test_other_heads_are_refused(head: str) -> None:
    with pytest.raises(RecipeError, match=r"probe\.head = .*elm, knn, linear, mlp"):
        Recipe().with_settings({"probe.head": head})


def test_other_presets_do_not_probe() -> None:
    assert preset("finetune").probe.kinds == ()
    assert len(preset("probe").probe.kinds) == 4
