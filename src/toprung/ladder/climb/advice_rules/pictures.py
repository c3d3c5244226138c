"""What the pictures say: leaks, copies, labels in doubt, rare classes, and detail that is thrown away."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from toprung.evaluation.label_errors import label_error_candidates
from toprung.ladder.climb.advice import Advice, register
from toprung.ladder.climb.advice_evidence import Evidence, Seen
from toprung.ladder.reading import listing, mapping, number, read_json
from toprung.ladder.wording import plural

_MODELS = 5  # the best ones have a say on labels
_NAMED = 5
_RATIO = 5.0  # the most frequent class over the rarest
_LARGER = 1.75  # pictures over the model's input


@register
def leaks(evidence: Evidence) -> Iterator[Advice]:
    """Pictures that stand in two splits."""
    run = evidence.best
    same = len(listing(run.health.get("leaks"))) if run else 0
    if run and same:
        yield Advice(
            "leaks",
            f"{plural(same, 'picture stands', 'pictures stand')} in more than one split, so the scores are too good. "
            "Keep each in one split.",
            {"leaks": same},
            f"toprung data {shlex.quote(run.source)}",
            1.0,
        )


@register
def conflicts(evidence: Evidence) -> Iterator[Advice]:
    """Pictures that stand there under two labels."""
    run = evidence.best
    twice = len(listing(run.health.get("conflicts"))) if run else 0
    if run and twice:
        yield Advice(
            "conflicts",
            f"{plural(twice, 'picture stands', 'pictures stand')} there under two labels: one of them is wrong.",
            {"conflicts": twice},
            f"toprung data {shlex.quote(run.source)}",
            0.65,
        )


@register
def label_errors(evidence: Evidence) -> Iterator[Advice]:
    """Validation pictures of which most of the best models are sure that the label is another."""
    runs = evidence.scored[:_MODELS]
    predictions = [one for run in runs if (one := run.predictions("val")) is not None]
    if not predictions:
        return
    found = label_error_candidates(predictions)
    total = len(predictions[0])
    if len(found) < max(2, 0.005 * total):
        return
    best = runs[0]
    seen = plural(len(predictions), "model sees", "models see")
    named = "; ".join(f"{one.path} ({one.label}, perhaps {one.suggested})" for one in found[:_NAMED])
    yield Advice(
        "label-errors",
        f"{len(found)} of {total} validation pictures may have a wrong label, as {seen} it. "
        f"Look at these first: {named}.",
        {"candidates": len(found), "pictures": total, "models": len(predictions)},
        best.command("report"),
        0.6,
    )


@register
def imbalance(evidence: Evidence) -> Iterator[Advice]:
    """A class with five times the training pictures of another, and nothing done about it."""
    run = evidence.fine_tuned
    if (
        run is None
        or run.setting("data", "balanced") is True
        or run.setting("optimisation", "class_weights") == "balanced"
    ):
        return
    given = mapping(mapping(run.health.get("counts")).get("train"))
    counts = {name: count for name, value in given.items() if (count := number(value))}
    if len(counts) < 2:
        return
    rare, often = min(counts, key=lambda name: counts[name]), max(counts, key=lambda name: counts[name])
    if counts[often] < _RATIO * counts[rare]:
        return
    recall = {str(one.get("class")): number(one.get("recall")) for one in run.per_class("val")}.get(rare)
    seen = f"; on validation {100 * recall:.0f} % of it is found" if recall is not None else ""
    yield Advice(
        "imbalance",
        f"{often} has {counts[often]:.0f} training pictures, {rare} {counts[rare]:.0f}{seen}. If rare classes matter "
        "as much, show all equally often and look at the balanced accuracy.",
        {"most": counts[often], "least": counts[rare], "class": rare},
        run.again("--set data.balanced=true"),
        0.45,
    )


@register
def resolution(evidence: Evidence) -> Iterator[Advice]:
    """Pictures much larger than what the model sees of them."""
    run = evidence.best
    if run is None:
        return
    sides = [number(mapping(run.health.get(side)).get("median")) for side in ("width", "height")]
    size = _input_size(run)
    if size is None or sides[0] is None or sides[1] is None:
        return
    shorter = min(sides[0], sides[1])
    if shorter < _LARGER * size:
        return
    unit = 28 if "patch14" in run.start[0] else 32
    larger = max(unit, round(1.5 * size / unit) * unit)
    tuned = run if run.is_fine_tuned else evidence.fine_tuned or run
    yield Advice(
        "resolution",
        f"Half of the pictures are {shorter:.0f} pixels or more on their shorter side, but {run.name} sees them at "
        f"{size}. Small things are lost: try {larger}, at about {(larger / size) ** 2:.1f} times the cost.",
        {"shorter_side": shorter, "img_size": size},
        tuned.again("--img-size", str(larger)),
        0.5,
    )


def _input_size(run: Seen) -> int | None:
    given = number(run.setting("model", "img_size"))
    if given:
        return int(given)
    card = read_json(run.folder.model / "model.json", [])
    size = mapping(card.get("preprocessing")).get("size")
    sides = [number(side) for side in size] if isinstance(size, list) else [number(size)]
    known = [side for side in sides if side]
    return int(min(known)) if known else None
