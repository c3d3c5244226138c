"""Look through a pickle without running it: which classes it names, and whether its numbers can be true."""

from __future__ import annotations

import pickletools
import warnings
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from dataclasses import dataclass
from typing import IO, Any

_MOST_STEPS = 5_000_000  # a checkpoint of 10,000 tensors with its optimizer has a million
_PUTS = ("PUT", "BINPUT", "LONG_BINPUT")
_GETS = ("GET", "BINGET", "LONG_BINGET")


class BadPickle(ValueError):
    """Cut off, damaged, or larger than any weights file's."""


@dataclass(frozen=True)
class PickleScan:
    """What a pickle would do.

    Attributes:
        names: classes and functions that it names (``module.name``), in order.
        protocol: of pickle; 0 where it does not say.
        numbers: plain integers it holds, at most a few (the first is a torch file's mark).
    """

    names: tuple[str, ...]
    protocol: int = 0
    numbers: tuple[int, ...] = ()


def scan_pickle(stream: IO[bytes]) -> PickleScan:
    """Read one pickle from a stream, up to its end mark, and run nothing.

    Raises:
        BadPickle: not a whole pickle, or one that would fill the memory.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in the oldest protocol's strings
            return _scan(stream)
    except BadPickle:
        raise
    except Exception as error:  # pickletools raises ValueError, UnicodeDecodeError, struct.error ...
        raise BadPickle(str(error)) from error


def _scan(stream: IO[bytes]) -> PickleScan:
    names: dict[str, None] = {}
    memo: dict[int, str] = {}
    strings: list[str] = []  # the last strings on the stack: STACK_GLOBAL takes two of them
    numbers: list[int] = []
    protocol = puts = 0
    argument: Any
    for steps, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if steps > _MOST_STEPS:
            raise BadPickle("too many objects")
        code = opcode.name
        if code in _PUTS or code == "MEMOIZE":
            puts += 1
            place = len(memo) if code == "MEMOIZE" else argument
            # The C unpickler makes its table as large as the largest number says.
            if place > 4 * puts + 1024:
                raise BadPickle("an impossible place in the memo")
            memo[place] = strings[-1] if strings else ""
        elif code in _GETS:
            strings = [*strings[-1:], memo.get(argument, "")]
        elif code in ("GLOBAL", "INST"):
            names.setdefault(_name(*str(argument).split(" ", 1)))
            strings = ["", ""]
        elif code == "STACK_GLOBAL":
            names.setdefault(_name(*strings[-2:]) if len(strings) > 1 else "?")
            strings = ["", ""]
        elif code.startswith("EXT"):
            names.setdefault(f"extension {argument}")
        elif code == "PROTO":
            protocol = argument
        elif isinstance(argument, str):
            strings = [*strings[-1:], argument]
        elif isinstance(argument, int) and len(numbers) < 4:
            numbers.append(argument)
    return PickleScan(tuple(names), protocol, tuple(numbers))


def _name(module: str, name: str) -> str:
    """Return the name in Python 3 of what Python 2 may have named."""
    module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
    return f"{module}.{name}"
