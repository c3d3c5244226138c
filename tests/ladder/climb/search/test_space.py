from __future__ import annotations

import tomllib
from pathlib import Path

import optuna
import pytest

from toprung.errors import RecipeError
from toprung.ladder.climb.search.space import Choice, Real, SearchSpace, Whole
from toprung.training.presets import compose
from toprung.training.recipe import Recipe

TEXT = """
"optimisation.base_lr" = {low = 1e-5, high = 1e-3, log = true}
"model.img_size" = {low = 96, high = 224, step = 32}
optimisation.layer_decay = {low = 0.6, high = 1}
model.drop_path = [0, 0.1, 0.2]
optimisation.freeze = ["none", "blocks:6"]
"""


def read(text: str, base: Recipe | None = None) -> SearchSpace:
    return SearchSpace.read(tomllib.loads(text), base or Recipe())


def test_quoted_and_nested_names_are_the_same_settings() -> None:
    assert set(read(TEXT).dimensions) == {
        Real("optimisation.base_lr", 1e-5, 1e-3, log=True),
        Whole("model.img_size", 96, 224, step=32),
        Real("optimisation.layer_decay", 0.6, 1.0),
        Choice("model.drop_path", (0.0, 0.1, 0.2)),
        Choice("optimisation.freeze", ("none", "blocks:6")),
    }


def test_it_comes_back_from_its_json() -> None:
    space = read(TEXT)
    assert SearchSpace.read(space.to_json(), Recipe()) == space


def test_what_optuna_proposes_lies_in_the_space_and_in_the_recipe() -> None:
    space, study = read(TEXT), optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(30):
        values = space.suggest(study.ask())
        assert all(dimension.holds(values[dimension.name]) for dimension in space.dimensions)
        assert Recipe().with_settings(values).model.img_size in (96, 128, 160, 192, 224)


def test_a_recipe_s_own_values_are_known_where_the_space_holds_them() -> None:
    base = compose("quick", {"model.name": "test_vit", "optimisation.base_lr": 1e-4, "model.img_size": 100})
    assert read(TEXT, base).own_values(base) == {
        "optimisation.base_lr": 1e-4,
        "optimisation.layer_decay": base.optimisation.layer_decay,
        "optimisation.freeze": "none",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"optimisation.base_lrr" = [1e-4]', "there is no setting 'optimisation.base_lrr'. Did you mean"),
        ('"model.attention" = ["none", "se"]', "there is no setting 'model.attention'"),
        ('"optimisation.layer_decay" = {low = 0.5, high = 1.5}', r"layer_decay = 1.5 is not allowed"),
        ('"optimisation.lr" = {low = 1e-3, high = 1e-4}', "low must be below high"),
        ('"optimisation.lr" = {low = 1e-4}', "lacks its low or its high"),
        ('"optimisation.lr" = {low = 1e-4, high = 1e-3, lag = true}', "unknown key 'lag'"),
        ('"optimisation.weight_decay" = {low = 0, high = 1, log = true}', "low must be above 0"),
        ('"model.img_size" = {low = 96, high = 128, step = 64}', "step must lie between"),
        ('"model.img_size" = {low = 96, high = 128, step = 1.5}', "step 1.5 must be one"),
        ('"optimisation.freeze" = {low = 1, high = 2}', "is not allowed"),
        ('"optimisation.lr" = 1e-4', "leaves nothing to search"),
        ('"optimisation.lr" = [1e-4, 1e-4]', "not a list of different values"),
        ("seed = [1, 2, 3]", "seed cannot be searched"),
        ('"data.fold" = [0, 1]', "data.fold cannot be searched"),
        ("", "the space is empty"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said.replace("(", r"\(")):
        read(text)


def test_a_rate_that_another_setting_overrules_is_not_searched() -> None:
    base = Recipe().with_settings({"optimisation.lr": 1e-3})
    with pytest.raises(RecipeError, match=r"search optimisation\.lr"):
        read('"optimisation.base_lr" = [1e-4, 1e-3]', base)


def test_the_example_in_the_docs_can_be_read() -> None:
    page = Path(__file__).parents[4] / "docs" / "search.md"
    block = page.read_text().split("```toml\n")[1].split("```")[0]
    values = tomllib.loads(block)
    values.pop("trials")
    assert SearchSpace.read(values, Recipe()).dimensions
