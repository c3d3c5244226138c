"""Settings that a user gave and that a probe does not heed; torch-free."""

from __future__ import annotations

from collections.abc import Iterable

from toprung.errors import RecipeError
from toprung.training.recipe import Recipe

_IDLE = ("schedule", "averaging", "optimisation")
_HEEDED = (
    "optimisation.batch_size",
    "optimisation.freeze",
    "optimisation.class_weights",
)  # the last has its own refusal
_MIXING = ("augment.mixup", "augment.cutmix", "augment.mix_probability")


def refuse_idle(recipe: Recipe, given: Iterable[str]) -> None:
    """Refuse settings without effect on a probe, which has no epochs and no optimiser.

    Args:
        recipe: the whole.
        given: dotted names that were given beside the preset.

    Raises:
        RecipeError: naming the first of them.
    """
    if not recipe.probe.kinds:
        return
    for name in given:
        section = name.partition(".")[0]
        if name in _MIXING or (section in _IDLE and name not in _HEEDED):
            raise RecipeError(f"{name} has no effect on a probe (probe.head = {recipe.probe.head!r}); leave it out.")
        if section == "augment" and recipe.probe.views == 1:
            raise RecipeError(f"{name} has no effect on a probe with one view; leave it out, or set probe.views too.")
