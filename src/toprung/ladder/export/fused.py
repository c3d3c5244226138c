"""A fused run -> a folder with a file for each member, and how their answers are put together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from toprung.errors import RecipeError
from toprung.ladder.export.formats import Choices
from toprung.ladder.export.parity import ALLOWED, compare
from toprung.ladder.export.pictures import ParityPictures
from toprung.ladder.export.single import (
    Export,
    export_model,
    name_of,
    refuse_difference,
    refuse_existing,
    workshop,
)
from toprung.runs.fused import FusedClassifier
from toprung.runs.fusion_card import (
    FUSION_FILE,
    Member,
    is_fused,
    member_place,
    read_fusion_card,
    write_fusion_card,
)
from toprung.runs.opening import fingerprint, model_folder

KIND = "onnx"


def export_fused(run: Path, *, kind: str, out: Path | None, choices: Choices, pictures: ParityPictures) -> Export:
    """Write a fused model as :func:`toprung.ladder.export.export.export_run` says.

    Each member is compared by itself, then the answer of all.

    Args:
        run: where the model is.
        kind: the format; ONNX, as the members are asked through ONNX Runtime.
        out: the folder to write.
        choices: opset, 16 bits.
        pictures: to compare on.

    Raises:
        RecipeError: another format.
    """
    if kind != KIND:
        raise RecipeError(f"a fused run is exported as {KIND}, not as {kind}; or export its members one by one.")
    place = out or Path(f"{name_of(run)}-{KIND}")
    refuse_existing(place)
    folder = model_folder(run)
    card = read_fusion_card(folder)
    expected = FusedClassifier.open(folder, "cpu").logits(pictures.sources)
    with workshop(place) as temporary:
        made = temporary / place.name
        made.mkdir()
        members = [
            _exported(member_place(folder, member), made, f"{number}-{member.name}", member, choices, pictures)
            for number, member in enumerate(card.members, start=1)
        ]
        write_fusion_card(made, replace(card, members=tuple(members)))
        found = FusedClassifier.open(made, "cpu").logits(pictures.sources)
        parity = compare(expected, found, source=pictures.origin, allowed=ALLOWED[choices.half])
        refuse_difference(parity, run, place)
        refuse_existing(place)
        made.replace(place)
    return Export(place, place / FUSION_FILE, parity)


def _exported(model: Path, made: Path, name: str, member: Member, choices: Choices, pictures: ParityPictures) -> Member:
    """Export one member into the folder; return it as it stands there. A member may be fused itself."""
    nested = is_fused(model)
    place = made / (name if nested else f"{name}.{KIND}")
    export = export_fused if nested else export_model
    export(model, kind=KIND, out=place, choices=choices, pictures=pictures)
    return Member(member.name, place.name, fingerprint(place))
