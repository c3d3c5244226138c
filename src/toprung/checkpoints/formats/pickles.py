"""Look through a pickle without running it: which classes it names, and whether its numbers can be true."""

from __future__ import annotations

import pickletools
import warnings
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from dataclasses import dataclass
from typing import IO, Any

_MOST_STEPS = 5_000_000  # a checkpoint of 10,000 tensors with its optimizer has a million
_PUTS = ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE")
_GETS = ("GET", "BINGET", "LONG_BINGET")
_CALLS = ("REDUCE", "NEWOBJ")
_TUPLES = ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_TUPLE")
_NAMING = ("GLOBAL", "INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4")
_LONGEST = 500  # characters of a text that is kept, as it may be a name
_MOST_ARGUMENTS = 4
_BY_ANOTHER = "torch._tensor._rebuild_from_type_v2"  # calls its first argument with its third
_DEEPEST = 8
_MARK = pickletools.markobject
# How many values each instruction takes (below the mark), and whether it takes all down to the mark.
_TAKES = {
    code.name: (
        code.stack_before.index(_MARK) if _MARK in code.stack_before else len(code.stack_before),
        _MARK in code.stack_before,
    )
    for code in pickletools.opcodes
}
_PUSHES = {code.name: 0 if code.name == "MARK" else len(code.stack_after) for code in pickletools.opcodes}


class BadPickle(ValueError):
    """Cut off, damaged, or larger than any weights file's."""


@dataclass(frozen=True)
class PickleScan:
    """What a pickle would do.

    Attributes:
        names: classes and functions that it names (``module.name``), in order.
        protocol: of pickle; 0 where it does not say.
        numbers: plain integers it holds, at most a few (the first is a torch file's mark).
        calls: what it calls of these names, with the second of two arguments where that is a text, "" otherwise.
    """

    names: tuple[str, ...]
    protocol: int = 0
    numbers: tuple[int, ...] = ()
    calls: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class _Named:
    """A class or function on the stack."""

    name: str


class _Stack:
    """What stands where while a pickle runs: names, short texts, short tuples of them, and ``None`` for the rest."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._below: list[list[Any]] = []

    def top(self) -> Any:
        return self.items[-1] if self.items else None

    def step(self, opcode: pickletools.OpcodeInfo) -> list[Any]:
        """Take off what an instruction takes, and return it."""
        if opcode.name == "MARK":
            self._below.append(self.items)
            self.items = []
            return []
        if opcode.name == "POP" and not self.items:  # takes the mark
            self.items = self._below.pop()
            return []
        count, to_mark = _TAKES[opcode.name]
        taken: list[Any] = []
        if to_mark:
            taken, self.items = self.items, self._below.pop()
        if count > len(self.items):
            raise BadPickle("takes more than there is")
        if count:
            taken = self.items[-count:] + taken
            del self.items[-count:]
        return taken


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
    calls: set[tuple[str, str]] = set()
    memo: dict[int, Any] = {}
    numbers: list[int] = []
    stack = _Stack()
    protocol = puts = 0
    argument: Any
    for steps, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if steps > _MOST_STEPS:
            raise BadPickle("too many objects")
        code = opcode.name
        if code in _PUTS:
            puts += 1
            place = len(memo) if code == "MEMOIZE" else argument
            # The C unpickler makes its table as large as the largest number says.
            if place > 4 * puts + 1024:
                raise BadPickle("an impossible place in the memo")
            memo[place] = stack.top()
            continue
        taken = stack.step(opcode)
        if code in _CALLS:
            _note_call(calls, *taken)
        elif code == "PROTO":
            protocol = argument
        elif isinstance(argument, int) and code not in _GETS and len(numbers) < 4:
            numbers.append(argument)
        left = [memo.get(argument)] if code in _GETS else _pushed(opcode, argument, taken)
        if code in _NAMING:
            names |= {one.name: None for one in left if one}
        stack.items += left
    return PickleScan(tuple(names), protocol, tuple(numbers), frozenset(calls))


def _pushed(opcode: pickletools.OpcodeInfo, argument: Any, taken: list[Any]) -> list[Any]:
    """Return what an instruction puts on the stack."""
    code = opcode.name
    if code in _NAMING:
        if code.startswith("EXT"):
            return [_Named(f"extension {argument}")]
        parts = taken if code == "STACK_GLOBAL" else str(argument).split(" ", 1)
        known = len(parts) == 2 and all(isinstance(part, str) for part in parts)
        return [_Named(_name(*parts) if known else "?")]
    if code in _TUPLES:
        return [tuple(taken) if len(taken) <= _MOST_ARGUMENTS else None]
    if code == "DUP":
        return taken * 2
    pushed = _PUSHES[code]
    if pushed and isinstance(argument, str) and len(argument) <= _LONGEST:
        return [argument]
    return [None] * pushed


def _note_call(calls: set[tuple[str, str]], function: Any, arguments: Any, depth: int = 0) -> None:
    if not isinstance(function, _Named):
        return
    known = arguments if isinstance(arguments, tuple) else ()
    if function.name == _BY_ANOTHER and len(known) > 2:
        if depth > _DEEPEST:
            raise BadPickle("too many calls of calls")
        _note_call(calls, known[0], known[2], depth + 1)
    second = known[1] if len(known) == 2 else None
    calls.add((function.name, second if isinstance(second, str) else ""))


def _name(module: str, name: str) -> str:
    """Return the name in Python 3 of what Python 2 may have named."""
    module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
    return f"{module}.{name}"
