"""A ladder: rungs in order, as a TOML file tells them. Torch-free."""

from __future__ import annotations

import importlib.resources
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toprung.errors import RecipeError, nearest
from toprung.ladder.climb.times import parse_time

KINDS = ("train", "soup", "fusion", "halving")
BEST = "best"
ALL = "all"
RUNG_WEIGHTS = "rung:"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Rung:
    """One step of a ladder.

    Attributes:
        name: of the rung, and of its run folder.
        kind: ``train``; or a finishing step: ``soup`` (mean of weights), ``fusion`` (of answers); or ``halving``, which
            trains its candidates briefly and the best of them in full.
        model: any timm name; "" for the preset's, or for that of the rung it starts from.
        weights: ``pretrained``, ``none``, a file, ``package:NAME``, or ``rung:NAME`` for the best weights of another
            rung; "" for the preset's.
        preset: of the recipe.
        settings: dotted names to values, laid over the preset.
        start: name of the rung to go on from, with its recipe under the preset, or ``best`` for the best one trained so
            far (TOML: ``from``).
        needs: further rungs that must be finished before.
        members: of a soup or fusion: names of rungs, or ``all`` (TOML: ``of``).
        method: of a soup, fusion or halving; "" for the default.
        seeds: how many runs, each with its own seed.
        min_epochs: the fewest epochs worth training when the budget is short; 0 leaves the epochs as they are.
        keep: of a halving: candidates that are trained in full.
        candidates: of a halving.
        search: space of a search for the recipe, before it is trained in full; empty for none.
        for_each: ``weights`` where it stands for a rung for each weights file on this disk; "" for a plain one.
    """

    name: str
    kind: str = "train"
    model: str = ""
    weights: str = ""
    preset: str = "finetune"
    settings: Mapping[str, Any] = field(default_factory=dict)
    start: str = ""
    needs: tuple[str, ...] = ()
    members: tuple[str, ...] = (ALL,)
    method: str = ""
    seeds: int = 1
    min_epochs: int = 0
    keep: int = 1
    candidates: tuple[Rung, ...] = ()
    search: Mapping[str, Any] = field(default_factory=dict)
    for_each: str = ""

    @property
    def parents(self) -> tuple[str, ...]:
        """Names of all rungs that must be finished before this one."""
        named = [self.start] if self.start not in ("", BEST) else []
        if self.weights.startswith(RUNG_WEIGHTS):
            named.append(self.weights.removeprefix(RUNG_WEIGHTS))
        if self.kind in ("soup", "fusion") and ALL not in self.members:
            named += self.members
        return tuple(dict.fromkeys([*named, *self.needs]))


@dataclass(frozen=True)
class Ladder:
    """Rungs in order.

    Attributes:
        name: of the ladder.
        description: one or two sentences.
        rungs: in the order in which they are climbed.
        settings: dotted names to values, laid over every rung's preset and under its own settings.
        budget: seconds, ``None`` for as long as it takes.
        text: the TOML that it was read from.
    """

    name: str
    description: str
    rungs: tuple[Rung, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    budget: float | None = None
    text: str = ""

    def rung(self, name: str) -> Rung:
        """Return a rung by its name."""
        return next(rung for rung in self.rungs if rung.name == name)


def shipped_ladders() -> dict[str, str]:
    """Return the ladders that come with toprung: name -> description."""
    folder = importlib.resources.files(__package__) / "ladders"
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    found = {name.removesuffix(".toml"): read_ladder(name.removesuffix(".toml")).description for name in files}
    return {name: found[name] for name in sorted(found)}


def read_ladder(name: str) -> Ladder:
    """Read a shipped ladder by its name, or a TOML file.

    Raises:
        RecipeError: no such ladder or file, not TOML, or a mistake in it; the message names file, rung and entry.
    """
    if name.endswith(".toml") or "/" in name:
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"the ladder {name} cannot be read: {error}.") from error
        return parse_ladder(text, name, Path(name).stem)
    folder = importlib.resources.files(__package__) / "ladders"
    file = folder / f"{name}.toml"
    if not _NAME.fullmatch(name) or not file.is_file():
        known = sorted(e.name.removesuffix(".toml") for e in folder.iterdir() if e.name.endswith(".toml"))
        raise RecipeError(
            f"there is no ladder {name!r}; there are {', '.join(known)}, or give a .toml file.{nearest(name, known)}"
        )
    return parse_ladder(file.read_text(encoding="utf-8"), f"{name}.toml", name)


def parse_ladder(text: str, file: str, name: str) -> Ladder:
    """Return the ladder that a TOML text tells.

    Args:
        text: TOML.
        file: to name in errors.
        name: of the ladder where the text gives none.

    Raises:
        RecipeError: naming file, rung and entry.
    """
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RecipeError(f"{file} is not TOML: {error}.") from error
    try:
        _refuse_unknown(content, ("name", "description", "settings", "budget", "rung"), "the ladder")
        rungs = content.get("rung", [])
        if not isinstance(rungs, list) or not rungs:
            raise RecipeError("it holds no rung; add a [[rung]] with a name.")
        ladder = Ladder(
            name=_text(content.get("name", name), "name"),
            description=_text(content.get("description", ""), "description"),
            rungs=tuple(_rung(one) for one in rungs),
            settings=_table(content.get("settings", {}), "settings"),
            budget=None if "budget" not in content else parse_time(str(content["budget"])),
            text=text,
        )
        _check_order(ladder.rungs)
    except RecipeError as error:
        raise RecipeError(f"in the ladder {file}: {error}") from error
    return ladder


def _rung(values: object) -> Rung:
    if not isinstance(values, dict):
        raise RecipeError(f"a rung is a table, and {values!r} is none.")
    name = _text(values.get("name", ""), "name")
    if not _NAME.fullmatch(name):
        raise RecipeError(f"a rung's name is letters, digits, points and dashes, and {name!r} is not.")
    try:
        return _read_rung(name, values)
    except RecipeError as error:
        raise RecipeError(f"rung {name}: {error}") from error


_READERS: dict[str, tuple[str, Callable[[object, str], Any]]] = {}
"""Entry of a rung's table -> field of Rung, and how it is read."""


def _read_rung(name: str, values: Mapping[str, Any]) -> Rung:
    _refuse_unknown(values, ("name", *_READERS), f"the rung {name}")
    read = {_READERS[key][0]: _READERS[key][1](value, key) for key, value in values.items() if key != "name"}
    rung = Rung(name=name, **read)
    if rung.kind not in KINDS:
        raise RecipeError(f"kind = {rung.kind!r} is not one of {', '.join(KINDS)}.{nearest(rung.kind, KINDS)}")
    own = {
        "train": {"model", "weights", "preset", "settings", "from", "seeds", "min_epochs", "search", "for_each"},
        "soup": {"of", "method"},
        "fusion": {"of", "method"},
        "halving": {"candidates", "keep", "settings", "min_epochs"},
    }[rung.kind] | {"name", "kind", "needs"}
    if strange := [key for key in values if key not in own]:
        raise RecipeError(f"{strange[0]} has no effect on a rung of kind {rung.kind}; leave it out.")
    if rung.kind == "halving" and len(rung.candidates) <= rung.keep:
        raise RecipeError(f"keep = {rung.keep} of {len(rung.candidates)} candidates leaves nothing to choose.")
    if rung.for_each not in ("", "weights"):
        raise RecipeError(f"for_each = {rung.for_each!r} is not 'weights', which is all that there is.")
    if rung.for_each and (rung.model or rung.weights or rung.start):
        raise RecipeError("for_each gives model and weights; leave out model, weights and from.")
    if rung.start and rung.weights:
        raise RecipeError("from and weights both say what to start from; give one of them.")
    return rung


def _check_order(rungs: Sequence[Rung]) -> None:
    seen: list[str] = []
    for rung in rungs:
        if rung.name in seen:
            raise RecipeError(f"two rungs are called {rung.name!r}; give each its own name.")
        for parent in rung.parents:
            if parent not in seen:
                later = any(other.name == parent for other in rungs)
                remedy = "move it up" if later else f"there is no such rung.{nearest(parent, seen)}"
                raise RecipeError(f"rung {rung.name} needs {parent!r}, which does not stand before it; {remedy}")
        seen.append(rung.name)


def _refuse_unknown(values: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in values:
        if key not in known:
            raise RecipeError(
                f"{where} has an unknown entry {key!r}; known are {', '.join(known)}.{nearest(key, known)}"
            )


def _text(value: object, key: str) -> str:
    if not isinstance(value, str):
        raise RecipeError(f"{key} = {value!r} is not text.")
    return value


def _names(value: object, key: str) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(one, str) for one in values):
        raise RecipeError(f"{key} = {value!r} is not a name or a list of names.")
    return tuple(values)


def _count(value: object, key: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise RecipeError(f"{key} = {value!r} is not a whole number of 1 or more.")
    return value


def _table(value: object, key: str) -> dict[str, Any]:
    """Return a table with dotted names, whether they were written dotted or nested."""
    if not isinstance(value, dict):
        raise RecipeError(f"{key} = {value!r} is not a table.")
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, dict) and "." not in name and key == "settings":
            flat |= {f"{name}.{last}": one for last, one in inner.items()}
        else:
            flat[name] = inner
    return flat


def _candidates(value: object, key: str) -> tuple[Rung, ...]:
    if not isinstance(value, list):
        raise RecipeError(f"{key} = {value!r} is not a list of rungs.")
    found = tuple(_rung(one) for one in value)
    if any(one.kind != "train" for one in found):
        raise RecipeError("a candidate is a rung of kind train.")
    if len({one.name for one in found}) < len(found):
        raise RecipeError("two candidates have the same name; give each its own.")
    return found


_READERS |= {
    "kind": ("kind", _text),
    "model": ("model", _text),
    "weights": ("weights", _text),
    "preset": ("preset", _text),
    "settings": ("settings", _table),
    "from": ("start", _text),
    "needs": ("needs", _names),
    "of": ("members", _names),
    "method": ("method", _text),
    "seeds": ("seeds", _count),
    "min_epochs": ("min_epochs", _count),
    "keep": ("keep", _count),
    "candidates": ("candidates", _candidates),
    "search": ("search", _table),
    "for_each": ("for_each", _text),
}
