"""A recipe: every setting of a training run, frozen, validated when built, written to TOML and read back.

Torch-free, so that ``--help``, ``--set`` mistakes and the board cost no second of import.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from toprung.errors import RecipeError, nearest
from toprung.training.settings import (
    AugmentSettings,
    AveragingSettings,
    DataSettings,
    HardwareSettings,
    ModelSettings,
    OptimisationSettings,
    PretrainingSettings,
    ScheduleSettings,
    require,
)
from toprung.training.settings.probe import ProbeSettings
from toprung.training.stages import StageSettings, read_stages


@dataclass(frozen=True)
class Recipe:
    """Every setting of one run.

    Attributes:
        preset: where the values started from.
        seed: fixes the split, the order of pictures, their augmentation, dropout, and weights that start random.
        stages: parts of the run one after another, as in ``[{epochs = 50, freeze = "backbone"}, {epochs = 50}]``; each
            may have its own freeze, lr, batch_size and warmup_epochs, and ``schedule.epochs`` is then not used.
    """

    preset: str = "finetune"
    seed: int = 0
    data: DataSettings = field(default_factory=DataSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    optimisation: OptimisationSettings = field(default_factory=OptimisationSettings)
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    averaging: AveragingSettings = field(default_factory=AveragingSettings)
    pretraining: PretrainingSettings = field(default_factory=PretrainingSettings)
    hardware: HardwareSettings = field(default_factory=HardwareSettings)
    probe: ProbeSettings = field(default_factory=ProbeSettings)
    stages: tuple[StageSettings, ...] = ()

    def __post_init__(self) -> None:
        require(self.seed >= 0, "seed", self.seed, "0 or more")
        # The mean of the two thin matrices is not that of their products, which are what the weights get.
        rule = "false with model.lora_rank; set model.lora_rank=0 to average weights without adapters"
        require(not (self.averaging.swa and self.model.lora_rank), "averaging.swa", self.averaging.swa, rule)

    def with_settings(self, settings: Mapping[str, Any]) -> Self:
        """Return a copy with dotted settings changed, such as ``{"optimisation.lr": 1e-4}``.

        Raises:
            RecipeError: an unknown name (the nearest is suggested), or a value of a wrong type or range.
        """
        known = _setting_types()
        parts: dict[str, dict[str, Any]] = {}
        for name, value in settings.items():
            if name not in known:
                raise RecipeError(f"there is no setting {name!r}.{_hint(name)}")
            section, _, key = name.rpartition(".")
            parts.setdefault(section, {})[key] = _coerce(name, value, known[name])
        own = parts.pop("", {})
        # A section changes at once: settings that bound each other, as fold and folds do, may come in any order.
        changed = {name: dataclasses.replace(getattr(self, name), **values) for name, values in parts.items()}
        return dataclasses.replace(self, **own, **changed)

    def to_dict(self) -> dict[str, Any]:
        """Return nested plain values; settings that are ``None`` are left out, as TOML has no null."""
        nested = dataclasses.asdict(self)
        stages = [_given(stage) for stage in nested.pop("stages")]
        plain = {name: _given(value) if isinstance(value, dict) else value for name, value in nested.items()}
        return plain | ({"stages": stages} if stages else {})

    def to_toml(self) -> str:
        """Return the recipe as TOML."""
        import tomli_w

        return tomli_w.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], base: Self | None = None) -> Self:
        """Build a recipe from nested values on top of ``base`` (the defaults when ``None``).

        Raises:
            RecipeError: as :meth:`with_settings`.
        """
        flat: dict[str, Any] = {}
        for name, value in values.items():
            if isinstance(value, Mapping) and (value or dataclasses.is_dataclass(getattr(cls(), name, None))):
                flat.update({f"{name}.{key}": inner for key, inner in value.items()})
            else:
                flat[name] = value
        return (base or cls()).with_settings(flat)

    @classmethod
    def read(cls, file: Path, base: Self | None = None) -> Self:
        """Read a TOML file.

        Raises:
            RecipeError: the file is missing or not TOML, or as :meth:`with_settings`.
        """
        try:
            values = tomllib.loads(Path(file).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RecipeError(f"there is no recipe file {file}.") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, OSError) as error:
            raise RecipeError(f"{file} is not a TOML file that can be read: {error}.") from error
        try:
            return cls.from_dict(values, base)
        except RecipeError as error:
            raise RecipeError(f"in {file}: {error}") from error


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def setting_names() -> list[str]:
    """Return every setting's dotted name, such as ``optimisation.lr``."""
    return list(_setting_types())


@functools.cache
def _setting_types() -> dict[str, Any]:
    """Return the declared type of every setting by its dotted name."""
    types: dict[str, Any] = {}
    for name, kind in typing.get_type_hints(Recipe).items():
        if dataclasses.is_dataclass(kind):
            types |= {f"{name}.{key}": inner for key, inner in typing.get_type_hints(kind).items()}
        else:
            types[name] = kind
    return types


def _hint(name: str) -> str:
    """Return the settings that were likely meant: those of the same last name, or else of a similar name."""
    known = setting_names()
    key = name.rpartition(".")[2]
    namesakes = [one for one in known if one.rpartition(".")[2] == key]
    if namesakes:
        return f" Did you mean {' or '.join(namesakes)}?"
    return nearest(name, known) or " `toprung recipe` lists them all."


def parse_assignment(text: str) -> tuple[str, Any]:
    """Read ``a.b=value`` as typed on a command line; the value is TOML, or else plain text.

    Raises:
        RecipeError: there is no ``=``.
    """
    name, equals, raw = text.partition("=")
    if not equals or not name.strip():
        raise RecipeError(f"--set {text!r} is not of the form name=value, for example optimisation.lr=1e-4.")
    try:
        value = tomllib.loads(f"value = {raw.strip()}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        value = raw.strip()
    return name.strip(), value


def _coerce(name: str, value: object, kind: Any) -> Any:
    """Return ``value`` as the setting's type, or raise a RecipeError that says which type is wanted."""
    if name == "stages":
        return read_stages(value)
    options = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if type(None) in options:
        if value is None or value in ("none", "None", ""):
            return None
        kind = next(option for option in options if option is not type(None))
    if typing.get_origin(kind) is Literal:
        choices = typing.get_args(kind)
        if value in choices:
            return value
        # TOML has no on/off, but people type true and false
        spoken = {True: "on", False: "off"}.get(value) if isinstance(value, bool) else None
        if spoken in choices:
            return spoken
        hint = nearest(str(value), choices)
        raise RecipeError(f"{name} = {value!r} is not one of {', '.join(choices)}.{hint}")
    if kind is str and not isinstance(value, str):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise RecipeError(f"{name} = {value!r} is not allowed: it must be a finite number.")
    if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return float(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    wanted = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}[kind]
    raise RecipeError(f"{name} = {value!r} is not {wanted}.")
