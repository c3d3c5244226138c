"""What to try next, from the records of finished runs, by stated rules.

Each rule is a function in ``advice_rules/`` with ``@register`` above it. What was recorded on validation pictures
decides; the test pictures are read only where a rule is about them.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from toprung.errors import ToprungError
from toprung.ladder.climb.advice_evidence import Evidence
from toprung.runs.folder import RunFolder


@dataclass(frozen=True)
class Advice:
    """One thing to try.

    Attributes:
        rule: name of the rule that says so; ``docs/advice.md`` tells what it looks at.
        sentence: what was seen and what to do, in plain words.
        evidence: the numbers that the rule looked at.
        command: what to type; "" where there is no command for it.
        weight: in (0, 1], the larger the earlier.
    """

    rule: str
    sentence: str
    evidence: dict[str, Any] = field(default_factory=dict)
    command: str = ""
    weight: float = 0.5

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


Rule = Callable[[Evidence], Iterator[Advice]]
RULES: dict[str, Rule] = {}


def register(rule: Rule) -> Rule:
    """Make a rule known under its function's name, underscores as dashes."""
    RULES[rule.__name__.replace("_", "-")] = rule
    return rule


def advise(records: Sequence[RunFolder]) -> list[Advice]:
    """Return what to try next, the weightiest first.

    Args:
        records: finished runs on the same pictures, such as those of a climb. What is missing or damaged in them is
            passed over.

    Raises:
        RunError: a run folder is missing or was written by a newer toprung.
    """
    evidence = Evidence.read(records)
    found: list[Advice] = []
    for rule in rules().values():
        try:
            found += rule(evidence)
        except ToprungError:  # predictions of other pictures, or damaged ones: this rule has nothing to say
            continue
    return sorted(found, key=lambda advice: (-advice.weight, advice.rule, advice.sentence))


def rules() -> dict[str, Rule]:
    """Return all rules by name; every file of ``advice_rules`` is taken up by itself."""
    from toprung.ladder.climb import advice_rules

    for module in sorted(one.name for one in pkgutil.iter_modules(advice_rules.__path__)):
        importlib.import_module(f"{advice_rules.__name__}.{module}")
    return RULES
