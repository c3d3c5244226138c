"""A match of last resort: tensors of unknown names that have the model's shapes in the model's order.

Two tensors of the same shape could still be exchanged (two norms of a block, query and key) and nothing would tell,
so a match by shapes is a proposal that a person must accept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from toprung.checkpoints.adapting.heads import head_prefixes
from toprung.checkpoints.dialects import Target, Translation
from toprung.checkpoints.files import WeightsFile

NAME = "names matched by shape and order"
_NUMBER = re.compile(r"\d+")
_HEAD = 4  # tensors behind the backbone that may be a classifier


@dataclass(frozen=True)
class Proposal:
    """A renaming that nothing contradicts.

    Attributes:
        names: the file's names, each with the model's.
        spare: the file's names behind the backbone, taken for its classifier.
        patterns: number of different kinds of names, when block numbers are left out; each kind has one partner.
    """

    names: dict[str, str]
    spare: tuple[str, ...]
    patterns: int

    @property
    def evidence(self) -> str:
        """Why the match is likely, in a few words."""
        return (
            f"{len(self.names)} tensors have the model's shapes in the model's order, under {self.patterns} kinds of "
            "names that each have one partner"
        )


def propose(file: WeightsFile, target: Target) -> Proposal | None:
    """Return the renaming of a file to a model, ``None`` where shapes, order or kinds of names speak against it."""
    head = head_prefixes(target.module)
    own = [name for name in target.shapes if _matters(name) and not (head and name.startswith(head))]
    theirs = [name for name in file.tensors if _matters(name)]
    if len(theirs) < len(own) or len(theirs) > len(own) + _HEAD:
        return None
    pairs = list(zip(theirs, own, strict=False))
    if any(file.tensors[name].shape != target.shapes[partner] for name, partner in pairs):
        return None
    forward: dict[str, str] = {}
    backward: dict[str, str] = {}
    for name, partner in pairs:
        kind, other = _NUMBER.sub("#", name), _NUMBER.sub("#", partner)
        if forward.setdefault(kind, other) != other or backward.setdefault(other, kind) != kind:
            return None
    return Proposal(dict(pairs), tuple(theirs[len(own) :]), len(forward))


class ProposedDialect:
    """A proposal in the place of a dialect."""

    NAME = NAME

    def __init__(self, proposal: Proposal) -> None:
        self._proposal = proposal

    def recognise(self, file: WeightsFile) -> bool:
        """Recognise the file that the proposal was made for."""
        return self._proposal.names.keys() <= file.tensors.keys()

    def translate(self, file: WeightsFile, target: Target | None) -> Translation:
        """Rename as proposed."""
        return Translation(
            {partner: file.tensors[name] for name, partner in self._proposal.names.items()},
            dropped=tuple((name, "taken for the classifier") for name in self._proposal.spare),
            assumptions=(self._proposal.evidence, "activation, epsilons and heads are the model's own"),
        )


def _matters(name: str) -> bool:
    return not name.endswith(("num_batches_tracked", "relative_position_index", "attn_mask", "position_ids"))
