import dataclasses
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from toprung.cli.recipe import command
from toprung.errors import RecipeError
from toprung.training.presets import preset, preset_names
from toprung.training.recipe import Recipe, setting_names
from toprung.training.recipe_text import WIDTH, explained_toml, setting_descriptions

SECTIONS = {field.name: type(getattr(Recipe(), field.name)) for field in dataclasses.fields(Recipe)}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def test_without_a_preset_all_are_listed_with_their_origin() -> None:
    result = run()
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert [line for line in lines if line in preset_names()] == preset_names()
    assert "Touvron et al. 2021" in result.output
    assert "Wightman et al. 2021" in result.output
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_printed_as_toml_that_trains_the_same(tmp_path: Path, name: str) -> None:
    result = run(name)
    assert result.exit_code == 0
    (tmp_path / "recipe.toml").write_text(result.output, encoding="utf-8")
    assert Recipe.read(tmp_path / "recipe.toml") == preset(name)


def test_settings_can_be_changed_in_any_order() -> None:
    result = run("quick", "--set", "data.fold=2", "--set", "data.folds=5", "--set", "model.img_size=96")
    values = tomllib.loads(result.output)
    assert (values["data"]["fold"], values["data"]["folds"], values["model"]["img_size"]) == (2, 5, 96)
    assert Recipe.from_dict(values) == preset("quick").with_settings(
        {"data.folds": 5, "data.fold": 2, "model.img_size": 96}
    )


def test_every_setting_stands_below_its_description() -> None:
    lines = run("scratch").output.splitlines()
    section, places = "", dict[str, int]()
    for i, line in enumerate(lines):
        if line.startswith("["):
            section = line.strip("[]") + "."
        elif found := re.match(r"(\w+) = |# (\w+) is not set", line):
            places[section + (found[1] or found[2])] = i
    for name in setting_names():
        assert lines[places[name] - 1].startswith("# ")
    assert max(map(len, lines)) <= WIDTH


def test_every_setting_is_described_once_and_nothing_else() -> None:
    for kind in (Recipe, *(kind for kind in SECTIONS.values() if dataclasses.is_dataclass(kind))):
        described = setting_descriptions(kind)
        own = [f.name for f in dataclasses.fields(kind) if not dataclasses.is_dataclass(SECTIONS.get(f.name))]
        assert list(described) == own, kind.__name__
        assert all(len(text) > 10 and "\n" not in text for text in described.values())


def test_descriptions_are_read_from_a_docstring() -> None:
    class Documented:
        """First line: with a colon.

        Attributes:
            one: a text: with a colon
                that goes on.
            two, three: shared.
        """

    assert setting_descriptions(Documented) == {
        "one": "a text: with a colon that goes on.",
        "two": "shared.",
        "three": "shared.",
    }


@given(st.text(), st.text())
def test_text_of_any_kind_stays_valid_toml(name: str, trackers: str) -> None:
    recipe = Recipe().with_settings({"model.name": name, "hardware.trackers": trackers})
    assert Recipe.from_dict(tomllib.loads(explained_toml(recipe))) == recipe


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["finetun"], "Did you mean finetune"),
        (["quick", "--set", "lr=1"], "Did you mean optimisation.lr"),
        (["quick", "--set", "optimisation.lr"], "name=value"),
        (["quick", "--set", "optimisation.lr=fast"], "not a number"),
        (["quick", "--set", "preset=scratch"], "a preset is chosen by its name"),
    ],
)
def test_mistakes_are_errors_for_the_user(arguments: list[str], said: str) -> None:
    error = run(*arguments).exception
    assert isinstance(error, RecipeError)
    assert said in str(error)


def test_set_without_a_preset_is_a_usage_error() -> None:
    result = run("--set", "seed=3")
    assert result.exit_code == 2
    assert "needs a PRESET" in result.output


def test_printing_a_recipe_does_not_import_torch() -> None:
    code = (
        "import sys; from toprung.cli.main import group; "
        "group.main(['recipe', 'finetune'], standalone_mode=False); "
        "assert not {'torch', 'timm', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert Recipe.from_dict(tomllib.loads(done.stdout)) == preset("finetune")
