"""Find the named tensors among what training scripts put around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from toprung.checkpoints.formats.plain import plain_entries
from toprung.checkpoints.formats.showing import shown
from toprung.checkpoints.formats.stand_ins import NumpyArray
from toprung.checkpoints.formats.tensors import State
from toprung.errors import WeightsError

# Where training scripts keep the model among other things, in the order in which they are looked for: averaged
# weights before plain ones, the teacher before the student.
_WRAPPERS = (
    "state_dict_ema", "model_ema", "ema_state_dict", "ema_model", "ema", "params_ema", "state_dict",
    "model_state_dict", "model", "module", "teacher", "target_encoder", "encoder", "student", "net", "network",
    "params", "param", "weights",
)  # fmt: skip
# Names that a part of a model can have too.
_WORDS = ("ema", "model", "module", "teacher", "encoder", "student", "net", "network", "params", "param", "weights")
_TREES = ("params", "param")  # the outermost table of JAX projects, whose model is a tree of tables
_NO_MODEL = ("optim", "sched", "scaler", "loss", "queue", "rng", "hook", "callback", "loop")
_NEXT_TO_MODELS = ("predictor", "batch_stats")
_OPTIMIZER = ("param_groups", "param_states")
_OPTAX = ("opt", "opt_state")
_PREFIXES = ("module.", "_orig_mod.")
_WRAPPED = 5  # levels of wrapping
_DEEPEST = 16  # levels of names; a file may hold itself
_MOST_TENSORS = 200_000
_LONGEST_NAME = 1_000
_LARGEST_NUMBER = 1 << 64


@dataclass(frozen=True)
class Unwrapped:
    """Tensors by name, where they lay, and what lay beside them."""

    tensors: State
    wrapper: str = ""
    alternatives: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    entries: Mapping[str, Any] = field(default_factory=dict)


def unwrap(content: Any, where: str) -> Unwrapped:
    """Take the tensors out of ``state_dict``, ``model`` and the like, without ``module.`` and ``_orig_mod.``.

    Averaged weights are preferred to the plain ones; what was not taken stands in ``alternatives``. Tables within the
    table of tensors are joined with dots.

    Args:
        content: what a reader returned.
        where: the file, for messages.

    Raises:
        WeightsError: two tensors of the same name, or more of them than any model has.
    """
    place: list[str] = []
    alternatives: list[str] = []
    entries: dict[str, Any] = {}
    while isinstance(content, Mapping):
        holding = _holding(content)
        beside = {key: value for key, value in content.items() if key not in holding and not _is_aside(key, value)}
        entries = plain_entries(beside) | entries
        candidates = _candidates(content, holding, outermost=not place)
        if not candidates or len(place) >= _WRAPPED:
            break
        alternatives += [".".join([*place, name]) for name in candidates[1:]]
        place.append(candidates[0])
        content = content[candidates[0]]
    tensors: State = {}
    for name, value in _named(content, where):
        if name in tensors:
            raise WeightsError(
                f"{where} holds two tensors that are both named '{shown(name)}'; it is not known which counts."
            )
        tensors[name] = value
    tensors, prefixes = without_prefixes(tensors, _PREFIXES)
    return Unwrapped(tensors, ".".join(place), tuple(alternatives), prefixes, entries)


def without_prefixes(tensors: State, known: tuple[str, ...]) -> tuple[State, tuple[str, ...]]:
    """Take off the prefixes that all names have; return them in the order in which they stood."""
    taken: list[str] = []
    while prefix := next((p for p in known if tensors and all(n.startswith(p) and n != p for n in tensors)), ""):
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
        taken.append(prefix)
    return tensors, tuple(taken)


def _is_part(content: Mapping[Any, Any], name: str, holding: Mapping[str, None]) -> bool:
    """Say whether an entry is a part of a model, which can be called ``model`` or ``encoder``, and not a wrapper."""
    if name not in _WORDS:
        return False
    beside = sum(_is_weight(value) and not _of_training(key) for key, value in content.items())
    if beside > 2 and 2 * beside > len(content):  # a state dict
        return True
    others = [key for key in holding if key not in _WRAPPERS and key not in _NEXT_TO_MODELS]
    return name not in _TREES and bool(others or beside) and len(holding) + beside > 1 and not _is_whole(content[name])


def _is_whole(table: Mapping[Any, Any]) -> bool:
    """Say whether a table is a model's state by its looks: names with dots, or a wrapper again."""
    return any(
        isinstance(key, str)
        and (isinstance(value, Mapping) if key in _WRAPPERS else _is_weight(value) and ("." in key or "/" in key))
        for key, value in table.items()
    )


def _holding(content: Mapping[Any, Any]) -> dict[str, None]:
    """Return the entries that are tables of tensors, in order; single numbers (a rate, a count) are no model."""
    looked: dict[int, bool] = {}
    return {
        key: None
        for key, value in content.items()
        if isinstance(key, str) and not _is_aside(key, value) and _holds(value, _is_weight, looked)
    }


def _candidates(content: Mapping[Any, Any], holding: Mapping[str, None], *, outermost: bool) -> list[str]:
    """Return the entries that may be the model, the preferred one first; none where the tensors lie bare."""
    if _is_optimizer(content):
        return []
    known = [key for key in _WRAPPERS if key in holding and not _is_part(content, key, holding)]
    if known:
        return known + [key for key in holding if key not in known]
    alone = outermost and len(holding) == 1 and not any(_is_array(value) for value in content.values())
    return [*holding] if alone else []


def _is_aside(key: Any, value: Any) -> bool:
    """Say whether an entry is the state of the training, not of the model."""
    if not isinstance(value, Mapping | list | tuple):
        return False
    return _of_training(key) or _is_optimizer(value)


def _of_training(key: Any) -> bool:
    return isinstance(key, str) and (key in _OPTAX or any(word in key.lower() for word in _NO_MODEL))


def _is_optimizer(value: Any) -> bool:
    return isinstance(value, Mapping) and any(key in value for key in _OPTIMIZER)


def _holds(value: Any, wanted: Callable[[Any], bool], looked: dict[int, bool], depth: int = 0) -> bool:
    """Say whether a table holds what is wanted, itself or in tables within; each table is looked at once."""
    if not isinstance(value, Mapping) or depth > _DEEPEST:
        return False
    if id(value) not in looked:
        looked[id(value)] = False  # a table may hold itself
        looked[id(value)] = any(wanted(inner) for inner in value.values()) or any(
            _holds(inner, wanted, looked, depth + 1) for inner in value.values()
        )
    return looked[id(value)]


def _named(content: Any, where: str) -> Iterator[tuple[str, Tensor]]:
    """Yield tensors with their names, those of tables within joined with dots."""
    steps = 0
    around: set[int] = set()
    looked: dict[int, bool] = {}

    def walk(table: Mapping[Any, Any], prefix: str, depth: int) -> Iterator[tuple[str, Tensor]]:
        nonlocal steps
        around.add(id(table))
        for key, value in table.items():
            steps += 1
            if steps > _MOST_TENSORS:
                raise WeightsError(f"{where} holds more than {_MOST_TENSORS:,} entries; it is damaged or hostile.")
            if _is_array(value):
                yield prefix + _name(key, where), _tensor(value)
            elif (
                isinstance(value, Mapping)
                and id(value) not in around
                and depth < _DEEPEST
                and _holds(value, _is_array, looked)
                and not (_is_optimizer(value) if depth else _is_aside(key, value))
            ):
                yield from walk(value, f"{prefix}{_name(key, where)}.", depth + 1)
        around.discard(id(table))

    if isinstance(content, Mapping) and not _is_optimizer(content):
        yield from walk(content, "", 0)


def _name(key: Any, where: str) -> str:
    if isinstance(key, bytes):  # of Python 2
        return key[:_LONGEST_NAME].decode("utf-8", "replace")
    large = isinstance(key, int) and abs(key) >= _LARGEST_NUMBER  # whose text Python may refuse to write
    if isinstance(key, str | int | float) and not large and len(str(key)) <= _LONGEST_NAME:
        return str(key)
    raise WeightsError(f"{where} names a tensor by a {type(key).__name__} that is no short text; it is not read.")


def _is_array(value: Any) -> bool:
    return isinstance(value, Tensor) or (isinstance(value, NumpyArray) and value.value is not None) or _is_numpy(value)


def _is_weight(value: Any) -> bool:
    """Say whether a value is an array of more than a single number."""
    held: Any = value.value if isinstance(value, NumpyArray) else value
    return _is_array(value) and bool(held.shape)


def _is_numpy(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "fiubc"


def _tensor(value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value
    array: Any = value.value if isinstance(value, NumpyArray) else value
    return to_tensor(array)


def to_tensor(array: np.ndarray[Any, Any]) -> Tensor:
    """Return an array of numbers as a tensor of the same numbers, in the machine's byte order."""
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    if native.dtype.kind == "f" and native.dtype.itemsize > 8:
        native = native.astype(np.float64)  # long doubles, which torch does not know
    if native.dtype.kind == "c" and native.dtype.itemsize > 16:
        native = native.astype(np.complex128)
    whole = np.ascontiguousarray(native)
    return torch.from_numpy(whole if whole.flags.writeable else whole.copy()).reshape(array.shape)
