"""A run is reused exactly when training again would give the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from toprung.ladder.climb.identity import file_mark, recipe_key
from toprung.training.presets import preset


def test_every_setting_counts_but_the_place_of_the_weights() -> None:
    recipe = preset("quick").with_settings({"model.weights": "here.pth"})
    moved = recipe.with_settings({"model.weights": "there.pth"})
    key = recipe_key(recipe, "data", "mark")
    assert key == recipe_key(moved, "data", "mark")
    others = [
        recipe_key(recipe, "other", "mark"),
        recipe_key(recipe, "data", "other"),
        recipe_key(recipe, "data", "mark", ["parent"]),
        recipe_key(recipe.with_settings({"seed": 1}), "data", "mark"),
        recipe_key(recipe.with_settings({"optimisation.lr": 1e-5}), "data", "mark"),
        recipe_key(recipe.with_settings({"model.name": "resnet18"}), "data", "mark"),
    ]
    assert len({key, *others}) == len(others) + 1


def test_a_setting_at_its_default_is_as_one_that_is_not_there() -> None:
    """What later versions add does not retrain what is there."""
    recipe = preset("quick")
    assert recipe_key(recipe, "d", "m") == recipe_key(recipe.with_settings({"averaging.keep": "best"}), "d", "m")
    assert recipe_key(recipe, "d", "m") != recipe_key(recipe.with_settings({"averaging.keep": "last"}), "d", "m")


def test_a_file_is_marked_by_what_it_holds(tmp_path: Path) -> None:
    content = np.random.default_rng(0).bytes(3_000_000)
    first, same, last_byte, longer = (tmp_path / name for name in "abcd")
    first.write_bytes(content)
    same.write_bytes(content)
    last_byte.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    longer.write_bytes(content + b"\0")
    assert file_mark(first) == file_mark(same)
    assert len({file_mark(one) for one in (first, last_byte, longer)}) == 3


def test_small_files_are_read_whole(tmp_path: Path) -> None:
    marks = set()
    for value in range(4):
        file = tmp_path / "weights"
        file.write_bytes(bytes([0] * 500 + [value] + [0] * 500))
        marks.add(file_mark(file))
    assert len(marks) == 4
