"""Segment Anything (Kirillov et al. 2023, arXiv 2304.02643), files of facebookresearch/segment-anything.

Facts:

- the tensors lie bare; the picture encoder hangs under ``image_encoder.``, beside ``prompt_encoder.`` and
  ``mask_decoder.``; files of the encoder alone have its names bare;
- timm has the encoder as class VisionTransformerSAM (``samvit_*``). Only the MLP is called otherwise, ``lin1`` and
  ``lin2``; ``pos_embed`` is a map (1, rows, columns, width) without class token;
- ``rel_pos_h`` and ``rel_pos_w`` are tables of (2 × side − 1, width of a head) with the window's side, or the grid's in
  the four blocks that see the whole picture; which blocks these are, the tables' lengths tell;
- ``neck`` is two convolutions with a norm over channels behind each;
- exact GELU, LayerNorm epsilon 1e-6 in blocks and neck, ImageNet's mean and std, pictures of 1,024 pixels.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from toprung.checkpoints.dialects import IMAGENET, Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable, under
from toprung.models.conventions import Conventions

NAME = "SAM"

_BLOCK = "blocks.{i}."
_SAME = ("norm1", "norm2", "attn.qkv", "attn.proj", "attn.rel_pos_h", "attn.rel_pos_w")
TABLE = NameTable(
    [
        ("pos_embed", "pos_embed"),
        ("patch_embed.proj", "patch_embed.proj"),
        *((_BLOCK + name, _BLOCK + name) for name in _SAME),
        (f"{_BLOCK}mlp.lin1", f"{_BLOCK}mlp.fc1"),
        (f"{_BLOCK}mlp.lin2", f"{_BLOCK}mlp.fc2"),
        *((f"neck.{place}", f"neck.{place}") for place in range(4)),
    ]
)

_ENCODER = "image_encoder."
_MARKS = ("patch_embed.proj.weight", "blocks.0.attn.qkv.weight", "blocks.0.mlp.lin1.weight", "neck.0.weight")
_BESIDE = {
    "prompt_encoder": "reads points and boxes; not needed to classify",
    "mask_decoder": "draws masks; not needed to classify",
    "pixel_mean": "for pixels of 0 to 255; the report states mean and std",
    "pixel_std": "for pixels of 0 to 255; the report states mean and std",
}


def recognise(file: WeightsFile) -> bool:
    """Recognise the encoder by its MLPs and its neck."""
    return _prefix(file.tensors) is not None


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Keep the picture encoder."""
    prefix = _prefix(file.tensors) or ""
    inner = under(file.tensors, prefix)
    dropped, leftover = [], []
    for name in file.tensors:
        if name.startswith(prefix):
            continue
        reason = _BESIDE.get(name.partition(".")[0])
        if reason is None:
            leftover.append(name)
        else:
            dropped.append((name, reason))
    renamed = TABLE.rename(inner)
    heads = _heads(inner)
    return Translation(
        renamed.state,
        dropped=tuple(dropped),
        leftover=(*leftover, *(prefix + name for name in renamed.leftover)),
        assumptions=("activation and norm epsilon: no tensor tells them",),
        preprocessing=dict(IMAGENET),
        conventions=Conventions(activation="gelu", norm_eps=1e-6, num_heads=heads),
        position_slots=0,
        trained_for="segmentation of anything that is pointed at (SA-1B); no classifier",
        licence="Apache 2.0",
        unfit=_misfit(inner, target),
    )


def _prefix(tensors: Mapping[str, Tensor]) -> str | None:
    """Return what stands before the encoder's names, ``None`` where there is none."""
    for prefix in (_ENCODER, ""):
        if all(prefix + mark in tensors for mark in _MARKS):
            return prefix
    return None


def _heads(inner: Mapping[str, Tensor]) -> int | None:
    """Return the number of heads, which the width of a head tells."""
    table, matrix = inner.get("blocks.0.attn.rel_pos_h"), inner.get("blocks.0.attn.qkv.weight")
    if table is None or matrix is None or table.ndim != 2 or not table.shape[1]:
        return None
    return matrix.shape[1] // table.shape[1]


def _misfit(inner: Mapping[str, Tensor], target: Target | None) -> str:
    if target is None:
        return ""
    if target.kind != "VisionTransformerSAM":
        return (
            "its blocks look through windows with relative positions, which the model's do not; take one of timm's "
            "samvit_*."
        )
    if "neck.2.weight" not in target.shapes:
        return "it ends in a neck of two convolutions, which the model has not; take one of timm's samvit_*_patch16."
    for name, table in inner.items():
        block, mark, _ = name.partition(".attn.rel_pos_h")
        if mark and not _sees_as_far(target, block, name, table, inner):
            return f"{block} looks through another window than the model's, of {(len(table) + 1) // 2} patches."
    return ""


def _sees_as_far(target: Target, block: str, name: str, table: Tensor, inner: Mapping[str, Tensor]) -> bool:
    """Say whether a block sees the whole picture in the model if it did in the file, or else the same window."""
    if name not in target.shapes:
        return True  # a block too many, which is refused by name
    window = getattr(target.module.get_submodule(block), "window_size", 0)
    places = inner.get("pos_embed")
    whole = places is not None and places.ndim == 4 and len(table) == 2 * places.shape[1] - 1
    return whole if window == 0 else len(table) == 2 * window - 1
