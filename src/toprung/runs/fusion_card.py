"""The description of a fused model: its members, and what was fitted to put their answers together. Torch-free."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toprung.errors import RunError
from toprung.evaluation.fusion.fused import Fusion
from toprung.storage import write_json
from toprung.version import __version__

FORMAT = 1
FUSION_FILE = "fusion.json"


@dataclass(frozen=True)
class Member:
    """One member of a fused model.

    Attributes:
        name: of its run.
        path: of its model folder, relative to the fused model's, or absolute.
        fingerprint: hash of its model's files, so that a member that was changed is noticed.
    """

    name: str
    path: str
    fingerprint: str


@dataclass(frozen=True)
class FusionCard:
    """All that is needed to fuse answers.

    Attributes:
        classes: class names, by output.
        members: in their order.
        fusion: what was fitted.
    """

    classes: tuple[str, ...]
    members: tuple[Member, ...]
    fusion: Fusion


def write_fusion_card(folder: Path, card: FusionCard) -> None:
    """Write the description of a fused model.

    Raises:
        StorageError: full disk, or no permission.
    """
    content = {
        "format": FORMAT,
        "toprung": __version__,
        "classes": list(card.classes),
        "members": [asdict(member) for member in card.members],
        "fusion": card.fusion.to_json(),
    }
    write_json(folder / FUSION_FILE, content)


def read_fusion_card(folder: Path) -> FusionCard:
    """Read the description of a fused model.

    Raises:
        RunError: missing, damaged, or written by a newer version.
    """
    file = folder / FUSION_FILE
    try:
        content: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if content["format"] > FORMAT:
            raise RunError(f"{file} was written by a newer toprung (format {content['format']}); update toprung.")
        return FusionCard(
            classes=tuple(map(str, content["classes"])),
            members=tuple(Member(str(m["name"]), str(m["path"]), str(m["fingerprint"])) for m in content["members"]),
            fusion=Fusion.from_json(content["fusion"]),
        )
    except FileNotFoundError:
        raise RunError(f"{folder} holds no fused model: {FUSION_FILE} is missing.") from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise RunError(f"{file} is damaged: {error}.") from error


def member_folder(folder: Path, member: Member) -> Path:
    """Return where a member's model stands.

    Raises:
        RunError: it is not there.
    """
    found = Path(os.path.normpath(folder / member.path))
    if not found.is_dir():
        raise RunError(
            f"the member {member.name} of the fused model {folder} is gone: there is no {found}; put it back, or fuse "
            "with `toprung fuse --copy`, which keeps the members with the fused model."
        )
    return found


def is_fused(folder: Path) -> bool:
    """Say whether a model folder holds a fused model."""
    return (folder / FUSION_FILE).is_file()


def fusion_fingerprint(folder: Path) -> str:
    """Return a hash of a fused model: of its description, which holds the hashes of its members.

    Raises:
        RunError: it cannot be read.
    """
    try:
        content = (folder / FUSION_FILE).read_bytes()
    except OSError as error:
        raise RunError(f"{folder / FUSION_FILE} cannot be read: {error.strerror}.") from error
    return hashlib.blake2b(content, digest_size=16).hexdigest()
