"""What DINO and iBOT share: networks called backbone and head, a teacher that is the student's moving average.

Legend: D width.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from toprung.checkpoints.dialects import IMAGENET, HeadStart, Translation
from toprung.checkpoints.dialects._vit import RULES
from toprung.checkpoints.names import NameTable, under
from toprung.models.conventions import Conventions

_BACKBONE = "backbone."

TABLE = NameTable(
    [
        *RULES,
        # ResNet, whose names timm took over from torchvision
        *((f"{name}", f"{name}") for name in ("conv1", "bn1")),
        *((f"layer{{i}}.{{j}}.{name}{{k}}", f"layer{{i}}.{{j}}.{name}{{k}}") for name in ("conv", "bn")),
        ("layer{i}.{j}.downsample.{k}", "layer{i}.{j}.downsample.{k}"),
    ]
)


def has_projector(names: Iterable[str]) -> bool:
    """Say whether these are the names of a student or teacher: a backbone with a projector."""
    known = list(names)
    parts = {".".join(name.split(".")[:2]) for name in known if not name.startswith(_BACKBONE)}
    return (
        any(name.startswith(_BACKBONE) for name in known)
        and bool(parts)
        and parts
        <= {"head.mlp", "head.last_layer", "head.mlp2", "head.last_layer2", "head.last_norm", "head.last_norm2"}
    )


def has_patch_projector(names: Iterable[str], entries: Mapping[str, Any]) -> bool:
    """Say whether a student or teacher is iBOT's, whose projector answers for patches too."""
    return "ibot_loss" in entries or any(name.startswith(("head.mlp2.", "head.last_layer2.")) for name in names)


def translate_backbone(tensors: Mapping[str, Tensor], project: str, kind: str) -> Translation:
    """Return the backbone under timm's names; projectors and mask tokens are dropped.

    Args:
        tensors: the file's.
        project: whose.
        kind: which of the project's kinds of file, in a few words.
    """
    inner = under(tensors, _BACKBONE)
    prefix = _BACKBONE if inner else ""
    inner = inner or dict(tensors)
    renamed = TABLE.rename({name: tensor for name, tensor in inner.items() if name != "masked_embed"})
    dropped = [
        (name, f"{project}'s projector, which only its training needs")
        for name in tensors
        if prefix and not name.startswith(prefix)
    ]
    if "masked_embed" in inner:
        dropped.append((f"{prefix}masked_embed", "stands for hidden patches, which only training has"))
    vit = "pos_embed" in inner
    return Translation(
        renamed.state,
        dropped=tuple(dropped),
        leftover=tuple(prefix + name for name in renamed.leftover),
        assumptions=("heads: the model's own number (one per 64 channels); no tensor tells it",) if vit else (),
        preprocessing=dict(IMAGENET),
        conventions=Conventions(activation="gelu", norm_eps=1e-6) if vit else Conventions(batch_norm_eps=1e-5),
        antialias=False,
        resize_offset=0.1 if vit else 0.0,
        position_slots=1 if vit else None,
        head_start=HeadStart("normal", 0.01, f"{project}'s linear evaluation"),
        trained_for=f"{project} self-supervision ({kind}); no classifier",
        licence="Apache 2.0",
    )
