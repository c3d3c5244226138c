"""Parts of a run that follow each other, such as a frozen backbone first and the whole network then."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toprung.errors import RecipeError, nearest
from toprung.training.settings import parse_freeze, require

if TYPE_CHECKING:
    from toprung.training.recipe import Recipe


@dataclass(frozen=True)
class StageSettings:
    """One part of a run that has its own length, frozen part, batch and rate. ``None`` takes the recipe's own value.

    Attributes:
        epochs: passes over the training pictures.
        freeze: as ``optimisation.freeze``.
        lr: as ``optimisation.lr``.
        batch_size: as ``optimisation.batch_size``.
        warmup_epochs: as ``schedule.warmup_epochs``.
    """

    epochs: int
    freeze: str | None = None
    lr: float | None = None
    batch_size: int | None = None
    warmup_epochs: float | None = None

    def __post_init__(self) -> None:
        require(_is_count(self.epochs), "stages: epochs", self.epochs, "a whole number, at least 1")
        require(
            self.batch_size is None or _is_count(self.batch_size), "stages: batch_size", self.batch_size, "at least 1"
        )
        require(self.lr is None or (_is_number(self.lr) and self.lr > 0), "stages: lr", self.lr, "a number above 0")
        warmup = self.warmup_epochs
        require(warmup is None or (_is_number(warmup) and warmup >= 0), "stages: warmup_epochs", warmup, "0 or more")
        if self.freeze is not None:
            parse_freeze(str(self.freeze))


def read_stages(value: object) -> tuple[StageSettings, ...]:
    """Return stages from plain values, as TOML gives them: a list of tables.

    Raises:
        RecipeError: another shape, an unknown name (the nearest is suggested), or a value that is not allowed.
    """
    known = [field.name for field in dataclasses.fields(StageSettings)]
    if not isinstance(value, list | tuple):
        raise RecipeError(f"stages = {value!r} is not a list of tables such as [{{epochs = 5, freeze = 'backbone'}}].")
    stages = []
    for entry in value:
        if isinstance(entry, StageSettings):
            stages.append(entry)
            continue
        if not isinstance(entry, Mapping) or "epochs" not in entry:
            raise RecipeError(f"a stage is a table with at least epochs, such as {{epochs = 5}}, and not {entry!r}.")
        for name in entry:
            if name not in known:
                raise RecipeError(f"a stage has no {name!r}; it has {', '.join(known)}.{nearest(name, known)}")
        stages.append(StageSettings(**entry))
    return tuple(stages)


def stage_recipes(recipe: Recipe) -> tuple[Recipe, ...]:
    """Return the recipe of each stage, one after another; a recipe without stages is its own only one."""
    if not recipe.stages:
        return (recipe,)
    return tuple(_of_stage(recipe, stage) for stage in recipe.stages)


def epochs_of(recipe: Recipe) -> int:
    """Return the epochs of the whole run."""
    return sum(stage.schedule.epochs for stage in stage_recipes(recipe))


def _of_stage(recipe: Recipe, stage: StageSettings) -> Recipe:
    named: dict[str, Any] = {
        "schedule.epochs": stage.epochs,
        "optimisation.freeze": stage.freeze,
        "optimisation.lr": stage.lr,
        "optimisation.batch_size": stage.batch_size,
        "schedule.warmup_epochs": stage.warmup_epochs,
        "stages": (),
    }
    return recipe.with_settings({name: value for name, value in named.items() if value is not None})


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
