"""How a setting's value is checked."""

from __future__ import annotations

from toprung.errors import RecipeError


def require(condition: bool, name: str, value: object, rule: str) -> None:
    """Refuse a value that breaks its rule.

    Raises:
        RecipeError: with the setting's name, the value and the rule.
    """
    if not condition:
        raise RecipeError(f"{name} = {value!r} is not allowed: it must be {rule}.")
