"""What a search may change: dotted recipe settings, each with a range or a list of values."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from toprung.errors import RecipeError
from toprung.training.recipe import Recipe

Value = bool | int | float | str

# What decides who is trained and who is validated on, or is chance alone: choosing among it is no finding.
_NOT_SEARCHED = ("seed", "preset", "stages", "data.folds", "data.fold", "data.val_fraction", "data.test_fraction")
_RANGE_KEYS = {"low", "high", "log", "step"}


class Asked(Protocol):
    """What proposes values: an Optuna trial."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Propose a number."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Propose a whole number."""

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """Propose one of a few values."""


class Dimension(Protocol):
    """One setting and the values it may take."""

    @property
    def name(self) -> str:
        """The setting's dotted name."""

    def suggest(self, asked: Asked) -> Value:
        """Return the value that is proposed."""

    def holds(self, value: object) -> bool:
        """Say whether a value is one of those that may be proposed."""

    def to_json(self) -> Any:
        """Return it as it stands in TOML."""


@dataclass(frozen=True)
class Choice:
    """A setting that takes one of a few values.

    Attributes:
        name: dotted name of the setting.
        values: at least one, all different.
    """

    name: str
    values: tuple[Value, ...]

    def suggest(self, asked: Asked) -> Value:
        """Return the value that is proposed."""
        value: Value = asked.suggest_categorical(self.name, self.values)
        return value

    def holds(self, value: object) -> bool:
        """Say whether a value is in the list."""
        return value in self.values

    def to_json(self) -> list[Value]:
        """Return the list."""
        return list(self.values)


@dataclass(frozen=True)
class Real:
    """A setting that takes a number between two others.

    Attributes:
        name: dotted name of the setting.
        low, high: both may be proposed.
        log: evenly spread over orders of magnitude; ``low`` is then above 0.
        step: only ``low``, ``low + step`` and so on; ``None`` for every number.
    """

    name: str
    low: float
    high: float
    log: bool = False
    step: float | None = None

    def suggest(self, asked: Asked) -> float:
        """Return the value that is proposed."""
        return asked.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log)

    def holds(self, value: object) -> bool:
        """Say whether a value lies in the range and on a step."""
        return _lies_in(value, self.low, self.high, self.step)

    def to_json(self) -> dict[str, Any]:
        """Return the range."""
        return _range_json(self.low, self.high, self.log, self.step)


@dataclass(frozen=True)
class Whole:
    """A setting that takes a whole number between two others; as :class:`Real`."""

    name: str
    low: int
    high: int
    log: bool = False
    step: int | None = None

    def suggest(self, asked: Asked) -> int:
        """Return the value that is proposed."""
        return asked.suggest_int(self.name, self.low, self.high, step=self.step or 1, log=self.log)

    def holds(self, value: object) -> bool:
        """Say whether a value lies in the range and on a step."""
        return _lies_in(value, self.low, self.high, self.step)

    def to_json(self) -> dict[str, Any]:
        """Return the range."""
        return _range_json(self.low, self.high, self.log, self.step)


@dataclass(frozen=True)
class SearchSpace:
    """The settings that a search changes, in the order in which they were given."""

    dimensions: tuple[Dimension, ...]

    @classmethod
    def read(cls, values: Mapping[str, Any], base: Recipe) -> SearchSpace:
        """Read a table as it stands in TOML.

        Args:
            values: dotted setting -> list of values, or ``{low, high, log, step}``. Names may be quoted
                (``"optimisation.base_lr"``) or not.
            base: the recipe that the settings are laid over.

        Raises:
            RecipeError: an unknown setting (the nearest is suggested), a value outside the setting's own range, a
                range that is none, or a setting that must not be searched.
        """
        dimensions = tuple(_dimension(name, given, base) for name, given in _flat(values).items())
        if not dimensions:
            raise RecipeError('the space is empty; give a setting, such as "optimisation.base_lr" = [1e-4, 3e-4].')
        return cls(dimensions)

    def suggest(self, asked: Asked) -> dict[str, Value]:
        """Return the values that are proposed, by setting."""
        return {dimension.name: dimension.suggest(asked) for dimension in self.dimensions}

    def own_values(self, recipe: Recipe) -> dict[str, Any]:
        """Return those of a recipe's own settings that the space holds."""
        flat = _flat(recipe.to_dict(), deep=True)
        return {one.name: flat[one.name] for one in self.dimensions if one.holds(flat.get(one.name))}

    def to_json(self) -> dict[str, Any]:
        """Return the space as it stands in TOML, with quoted names."""
        return {dimension.name: dimension.to_json() for dimension in self.dimensions}


def read_space(file: Path) -> dict[str, Any]:
    """Return the table of a TOML file.

    Raises:
        RecipeError: missing, or not TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"there is no space file {file}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise RecipeError(f"{file} is not a TOML file that can be read: {error}.") from error


def _flat(values: Mapping[str, Any], prefix: str = "", *, deep: bool = False) -> dict[str, Any]:
    """Return values by dotted name; a table of ``low`` and ``high`` is a value unless ``deep``."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and (deep or not _RANGE_KEYS & set(value)):
            flat |= _flat(value, f"{name}.", deep=deep)
        else:
            flat[name] = value
    return flat


def _dimension(name: str, given: object, base: Recipe) -> Dimension:
    if name in _NOT_SEARCHED:
        raise RecipeError(f"{name} cannot be searched: it decides which pictures choose, or is chance alone.")
    if name == "optimisation.base_lr" and base.optimisation.lr is not None:
        raise RecipeError(
            f"optimisation.base_lr has no effect because optimisation.lr = {base.optimisation.lr} is set; "
            "search optimisation.lr."
        )
    if isinstance(given, list):
        return _choice(name, given, base)
    if isinstance(given, Mapping):
        return _range(name, given, base)
    base.with_settings({name: given})  # an unknown name is told first
    raise RecipeError(f"{name} = {given!r} leaves nothing to search; give a list, or {{low = …, high = …}}.")


def _choice(name: str, given: list[Any], base: Recipe) -> Choice:
    values = tuple(_as_setting(name, value, base) for value in given)
    if not values or len(set(values)) < len(values):
        raise RecipeError(f"{name} = {given!r} is not a list of different values.")
    return Choice(name, values)


def _range(name: str, given: Mapping[str, Any], base: Recipe) -> Dimension:
    if unknown := set(given) - _RANGE_KEYS:
        raise RecipeError(f"{name} has an unknown key {min(unknown)!r}; a range has low, high, and perhaps log, step.")
    if not {"low", "high"} <= set(given):
        raise RecipeError(f"{name} = {dict(given)!r} lacks its low or its high.")
    low, high = (_as_setting(name, given[key], base) for key in ("low", "high"))
    log, step = given.get("log", False), given.get("step")
    if isinstance(low, (bool, str)) or isinstance(high, (bool, str)):
        raise RecipeError(f"{name} is no number, so it has no low and high; give a list of values.")
    problem = _problem_of_range(low, high, log, step)
    if problem:
        raise RecipeError(f"{name} = {dict(given)!r} is not a range: {problem}.")
    if isinstance(low, int) and isinstance(high, int):
        if step is not None and step != int(step):
            raise RecipeError(f"{name} takes whole numbers, so its step {step} must be one.")
        return Whole(name, low, high, log, None if step is None else int(step))
    return Real(name, float(low), float(high), log, None if step is None else float(step))


def _problem_of_range(low: float, high: float, log: object, step: object) -> str:
    rules: tuple[tuple[Callable[[], bool], str], ...] = (
        (lambda: isinstance(log, bool), "log must be true or false"),
        (lambda: low < high, "low must be below high"),
        (lambda: not log or low > 0, "with log = true, low must be above 0"),
        (lambda: step is None or not log, "log and step exclude each other"),
        (lambda: step is None or _is_step(step, high - low), "step must lie between 0 and high - low"),
    )
    return next((text for holds, text in rules if not holds()), "")


def _is_step(step: object, width: float) -> bool:
    return isinstance(step, (int, float)) and not isinstance(step, bool) and 0 < step <= width


def _as_setting(name: str, value: object, base: Recipe) -> Value:
    """Return a value as the recipe would hold it.

    Raises:
        RecipeError: the recipe does not take it.
    """
    section, _, key = name.rpartition(".")
    changed = base.with_settings({name: value})
    held = getattr(getattr(changed, section) if section else changed, key)
    if not isinstance(held, (bool, int, float, str)):
        raise RecipeError(f"{name} = {value!r} is not a value that can be searched.")
    return held


def _lies_in(value: object, low: float, high: float, step: float | None) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        return False
    return step is None or abs((value - low) / step - round((value - low) / step)) < 1e-9


def _range_json(low: float, high: float, log: bool, step: float | None) -> dict[str, Any]:
    return {"low": low, "high": high} | ({"log": True} if log else {}) | ({} if step is None else {"step": step})
