"""Find the one dialect that a weights file is written in."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping

from torch import Tensor

from toprung.checkpoints.dialects import Dialect, Target, all_dialects
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import under
from toprung.checkpoints.structural import ProposedDialect, propose
from toprung.errors import WeightsMismatch, nearest

_GENERAL = "timm"  # asked last: its names are whatever the model's are
_DEEPEST = 3


@dataclasses.dataclass(frozen=True)
class Recognised:
    """A file and its dialect.

    Attributes:
        dialect: the one that claims the file.
        file: the file as the dialect sees it, without a part of the names that only says where the network hung.
        prefix: that part, such as ``model.`` in a Lightning file.
        outside: names that do not start with ``prefix``.
    """

    dialect: Dialect
    file: WeightsFile
    prefix: str = ""
    outside: tuple[str, ...] = ()


def recognise(
    file: WeightsFile, target: Target | None = None, *, dialect: str | None = None, accept_proposal: bool = False
) -> Recognised | None:
    """Return the file's dialect, ``None`` when nothing claims it.

    Training frameworks hang the network under an attribute (``model.``, ``backbone.``). When no dialect claims the
    names as they are, each first component that holds most of the tensors is taken off and asked again.

    Args:
        file: as read.
        target: with a model, a file of the model's own names is recognised for any architecture.
        dialect: a dialect's name, to ask no other.
        accept_proposal: without a dialect, match the target's tensors by shape and order.

    Raises:
        WeightsMismatch: several dialects claim the file, or ``dialect`` is no dialect's name.
    """
    if dialect is not None:
        return Recognised(_named(dialect), file)
    found = _claimed(file, target)
    if found is not None:
        return Recognised(found, file)
    return _below_a_prefix(file, target) or (_proposed(file, target) if accept_proposal and target else None)


def _below_a_prefix(file: WeightsFile, target: Target | None) -> Recognised | None:
    prefix = ""
    for _ in range(_DEEPEST):
        step = _common_component(under(file.tensors, prefix))
        if step is None:
            return None
        prefix += step
        inner = dataclasses.replace(file, tensors=under(file.tensors, prefix))
        found = _claimed(inner, target)
        if found is not None:
            outside = tuple(name for name in file.tensors if not name.startswith(prefix))
            return Recognised(found, inner, prefix, outside)
    return None


def _proposed(file: WeightsFile, target: Target) -> Recognised | None:
    proposal = propose(file, target)
    return Recognised(ProposedDialect(proposal), file) if proposal else None


def _named(name: str) -> Dialect:
    for dialect in all_dialects():
        if dialect.NAME.lower() == name.lower():
            return dialect
    known = [dialect.NAME for dialect in all_dialects()]
    raise WeightsMismatch(f"there is no dialect {name!r}.{nearest(name, known)} Known: {', '.join(known)}.")


def _claimed(file: WeightsFile, target: Target | None) -> Dialect | None:
    special = [d for d in all_dialects() if d.NAME != _GENERAL and d.recognise(file)]
    if len(special) > 1:
        named = " and ".join(dialect.NAME for dialect in special)
        raise WeightsMismatch(f"{file.path} could be written in more than one way ({named}); it is not loaded.")
    if special:
        return special[0]
    general = next(dialect for dialect in all_dialects() if dialect.NAME == _GENERAL)
    if general.recognise(file) or (target is not None and _has_names_of(file.tensors, target)):
        return general
    return None


def _has_names_of(tensors: Mapping[str, Tensor], target: Target) -> bool:
    common = len(tensors.keys() & target.shapes.keys())
    return 2 * common >= max(len(tensors), 1)


def _common_component(tensors: Mapping[str, Tensor]) -> str | None:
    """Return the first component, with its dot, that most tensors share."""
    counted = Counter(name.partition(".")[0] for name in tensors if "." in name)
    if not counted:
        return None
    component, count = counted.most_common(1)[0]
    return f"{component}." if 2 * count > len(tensors) else None
