import dataclasses
import math
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.errors import RecipeError
from toprung.training.presets import preset, preset_description, preset_names
from toprung.training.recipe import Recipe, parse_assignment, setting_names

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXT
    | st.sampled_from(["auto", "off", "none", "adamw", "bce", "on", "#a0B1c2", "avg", 10**400])
    | st.lists(st.integers(), max_size=2)
    | st.dates()
)


def value_of(recipe: Recipe, name: str) -> object:
    section, _, key = name.partition(".")
    return getattr(getattr(recipe, section), key) if key else getattr(recipe, section)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Recipes that differ from a preset in some settings."""
    recipe = preset(draw(st.sampled_from(preset_names())))
    for name in draw(st.lists(st.sampled_from(setting_names()), max_size=12)):
        try:
            recipe = recipe.with_settings({name: draw(ANYTHING | st.floats(0, 1) | st.integers(0, 40))})
        except RecipeError:
            continue
    return recipe


@given(recipes())
def test_toml_and_back_is_the_same_recipe(recipe: Recipe) -> None:
    assert Recipe.from_dict(tomllib.loads(recipe.to_toml())) == recipe


@given(recipes())
def test_a_file_and_back_is_the_same_recipe(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> None:
    file = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    file.write_text(recipe.to_toml(), encoding="utf-8")
    assert Recipe.read(file) == recipe


@given(st.sampled_from(setting_names()), ANYTHING)
def test_any_value_is_either_taken_or_refused_by_name(name: str, value: object) -> None:
    try:
        recipe = Recipe().with_settings({name: value})
    except RecipeError as error:
        assert name.rpartition(".")[2] in str(error)
    else:
        taken = value_of(recipe, name)
        default = value_of(Recipe(), name)
        assert taken is None or default is None or type(taken) is type(default)
        assert not isinstance(taken, float) or math.isfinite(taken)


@given(st.permutations(setting_names()))
def test_settings_may_come_in_any_order(names: list[str]) -> None:
    wanted = preset("scratch").with_settings({"data.folds": 5, "data.fold": 4, "seed": 3})
    assert Recipe().with_settings({name: value_of(wanted, name) for name in names}) == wanted


def test_settings_that_bound_each_other_may_come_in_any_order() -> None:
    for order in (["data.fold", "data.folds"], ["data.folds", "data.fold"]):
        recipe = Recipe().with_settings({name: {"data.fold": 2, "data.folds": 4}[name] for name in order})
        assert (recipe.data.fold, recipe.data.folds) == (2, 4)
    crowded = Recipe().with_settings({"data.val_fraction": 0.1, "data.test_fraction": 0.8})
    assert crowded.with_settings({"data.val_fraction": 0.7, "data.test_fraction": 0.2}).data.val_fraction == 0.7


def test_the_rest_stays_and_the_old_recipe_too() -> None:
    before = preset("finetune")
    after = before.with_settings({"optimisation.lr": 1e-5})
    assert before == preset("finetune")
    assert after.optimisation.lr == 1e-5
    assert dataclasses.replace(after, optimisation=before.optimisation) == before
    assert dataclasses.replace(after.optimisation, lr=before.optimisation.lr) == before.optimisation


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("optimisation.learning_rat", "optimisation."),
        ("optimization.lr", "optimisation.lr"),
        ("lr", "optimisation.lr"),
        ("training.epochs", "schedule.epochs"),
        ("shedule.epoch", "schedule.epochs"),
        ("model.image_size", "model.img_size"),
        ("sed", "seed"),
    ],
)
def test_an_unknown_setting_suggests_the_nearest(wrong: str, meant: str) -> None:
    with pytest.raises(RecipeError) as error:
        Recipe().with_settings({wrong: 1})
    assert f"no setting {wrong!r}" in str(error.value)
    assert meant in str(error.value).partition("Did you mean")[2]


def test_a_setting_like_no_other_points_to_the_list() -> None:
    with pytest.raises(RecipeError, match=r"`toprung recipe` lists them all"):
        Recipe().with_settings({"zzzzzz": 1})


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("optimisation.lr", "fast", "a number"),
        ("optimisation.lr", True, "a number"),
        ("schedule.epochs", 2.5, "a whole number"),
        ("schedule.epochs", True, "a whole number"),
        ("model.img_size", "big", "a whole number"),
        ("data.balanced", 1, "true or false"),
        ("data.balanced", "yes", "true or false"),
        ("optimisation.loss", "focall", "one of cross_entropy, bce, focal. Did you mean focal?"),
        ("hardware.device", "gpu", "one of auto, cpu, cuda, mps"),
        ("hardware.precision", 16, "one of auto, fp32, bf16, fp16"),
    ],
)
def test_a_value_of_a_wrong_type_says_which_is_wanted(name: str, value: object, wanted: str) -> None:
    with pytest.raises(RecipeError) as error:
        Recipe().with_settings({name: value})
    assert f"{name} = {value!r}" in str(error.value)
    assert wanted in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data.val_fraction", 0),
        ("data.val_fraction", 1.0),
        ("data.test_fraction", -0.1),
        ("data.test_fraction", 0.8),
        ("data.folds", 1),
        ("data.fold", 1),
        ("data.threads", -1),
        ("data.background", "white"),
        ("data.background", "#12345g"),
        ("model.drop_path", 1.0),
        ("model.img_size", 0),
        ("optimisation.lr", 0.0),
        ("optimisation.lr", math.nan),
        ("optimisation.lr", math.inf),
        ("optimisation.weight_decay", -1e-9),
        ("optimisation.weight_decay", math.inf),
        ("optimisation.momentum", 1.0),
        ("optimisation.batch_size", 0),
        ("optimisation.label_smoothing", 1.0),
        ("optimisation.focal_gamma", -0.5),
        ("schedule.epochs", 0),
        ("schedule.warmup_epochs", -1.0),
        ("schedule.min_lr_ratio", 1.01),
        ("augment.scale_min", 0.0),
        ("augment.flip", 1.5),
        ("augment.magnitude", 10.5),
        ("augment.mixup", -0.2),
        ("averaging.ema_decay", 1.0),
        ("hardware.checkpoint_minutes", -1),
        ("seed", -1),
    ],
)
def test_a_value_out_of_range_is_refused_with_the_rule(name: str, value: float) -> None:
    with pytest.raises(RecipeError, match="must be") as error:
        Recipe().with_settings({name: value})
    assert name in str(error.value)


@pytest.mark.parametrize(
    ("typed", "name", "value"),
    [
        ("optimisation.lr=1e-4", "optimisation.lr", 1e-4),
        (" optimisation.lr = 3 ", "optimisation.lr", 3.0),
        ("schedule.epochs=12", "schedule.epochs", 12),
        ("schedule.epochs=12.0", "schedule.epochs", 12),
        ("data.balanced=true", "data.balanced", True),
        ("model.name=resnet50", "model.name", "resnet50"),
        ('model.name="resnet50"', "model.name", "resnet50"),
        ("model.weights=weights/a=b.pth", "model.weights", "weights/a=b.pth"),
        ("model.weights=none", "model.weights", "none"),
        ("model.img_size=none", "model.img_size", None),
        ("model.global_pool=", "model.global_pool", None),
        ("data.background=#a0B1c2", "data.background", "#a0B1c2"),
        ("data.cache=off", "data.cache", "off"),
        ("data.cache=false", "data.cache", "off"),
        ("hardware.channels_last=true", "hardware.channels_last", "on"),
        ("hardware.trackers=wandb,mlflow", "hardware.trackers", "wandb,mlflow"),
        ("model.name=123", "model.name", "123"),
    ],
)
def test_assignments_as_typed(typed: str, name: str, value: object) -> None:
    start = Recipe().with_settings({"model.img_size": 64, "model.global_pool": "avg"})
    given_name, given_value = parse_assignment(typed)
    taken = value_of(start.with_settings({given_name: given_value}), name)
    assert taken == value
    assert type(taken) is type(value)


@pytest.mark.parametrize("typed", ["optimisation.lr", "", "=3", "  =3"])
def test_an_assignment_without_name_or_value_shows_the_form(typed: str) -> None:
    with pytest.raises(RecipeError, match=r"name=value, for example optimisation\.lr=1e-4"):
        parse_assignment(typed)


@given(TEXT)
def test_any_text_can_be_typed(typed: str) -> None:
    try:
        Recipe().with_settings(dict([parse_assignment(f"optimisation.lr={typed}")]))
    except RecipeError as error:
        assert "optimisation.lr" in str(error)


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_valid_say_what_they_are_and_survive_toml(name: str) -> None:
    recipe = preset(name)
    assert recipe.preset == name
    assert len(preset_description(name).splitlines()[0]) > 20
    assert Recipe.from_dict(tomllib.loads(recipe.to_toml())) == recipe
    assert recipe.schedule.warmup_epochs < recipe.schedule.epochs


def test_an_unknown_preset_suggests_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"'fine-tune'.*Did you mean finetune, "):
        preset("fine-tune")


def test_a_file_is_laid_on_top_of_a_base(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("seed = 4\n[model]\n[optimisation]\nlr = 1e-5\n", encoding="utf-8")
    recipe = Recipe.read(file, preset("scratch"))
    assert recipe == preset("scratch").with_settings({"seed": 4, "optimisation.lr": 1e-5})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"lr = ", "not a TOML file"),
        (b"\xff\xfe\x00", "not a TOML file"),
        (b"x = " + b"[" * 5000, "not a TOML file"),
        (b"[optimization]\nlr = 1.0\n", "Did you mean optimisation.lr"),
        (b"[optimization]\n", "no setting 'optimization'"),
        (b"optimisation = 3\n", "no setting 'optimisation'"),
        (b"[optimisation.lr]\nx = 1\n", "optimisation.lr"),
        (b"[schedule]\nepochs = 0\n", "at least 1"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(content)
    with pytest.raises(RecipeError) as error:
        Recipe.read(file)
    assert str(file) in str(error.value)
    assert said in str(error.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"no recipe file .*gone\.toml"):
        Recipe.read(tmp_path / "gone.toml")
    with pytest.raises(RecipeError, match="not a TOML file that can be read"):
        Recipe.read(tmp_path)


def test_every_setting_is_named_once_and_reachable() -> None:
    names = setting_names()
    assert len(names) == len(set(names))
    flat = Recipe().to_dict()
    listed = {f"{s}.{k}" for s, v in flat.items() if isinstance(v, dict) for k in v}
    assert listed <= set(names)
    assert {name for name in names if value_of(Recipe(), name) is not None and "." in name} == listed
