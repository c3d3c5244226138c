"""What the dialects with timm's names of a plain ViT share: telling such files from others, and their pos_embed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import torch
from torch import Tensor

_NAMES = (
    r"cls_token|pos_embed|patch_embed\.proj\.(weight|bias)|norm\.(weight|bias)"
    r"|blocks\.\d+\.(norm1|attn\.qkv|attn\.proj|norm2|mlp\.fc1|mlp\.fc2)\.(weight|bias)"
)
# timm's names of a plain ViT, which projects grown from its code kept; layer scale as they called it
RULES: list[tuple[str, str]] = [
    ("blocks.{i}.gamma_1", "blocks.{i}.ls1.gamma"),
    ("blocks.{i}.gamma_2", "blocks.{i}.ls2.gamma"),
    *(
        (name, name)
        for name in (
            "cls_token",
            "pos_embed",
            "patch_embed.proj",
            "norm",
            *(f"blocks.{{i}}.{part}" for part in ("norm1", "norm2", "attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")),
        )
    ),
]
HEAD = r"head\.(weight|bias)"
DISTILLED = r"dist_token|head_dist\.(weight|bias)"
LAYER_SCALE = r"blocks\.\d+\.gamma_[12]"
MASK = r"masked_embed"


def is_plain_vit(names: Iterable[str], *also: str) -> bool:
    """Say whether names are those of a ViT with class token, positions and last norm, and of nothing else.

    Args:
        names: the file's.
        also: patterns of whole names that may stand beside them.
    """
    allowed = re.compile("|".join((_NAMES, *also)))
    known = set(names)
    return {"cls_token", "pos_embed", "patch_embed.proj.weight"} <= known and all(map(allowed.fullmatch, known))


def slots_of(table: Tensor | None, most: int) -> int:
    """Return how many rows of ``pos_embed`` belong to tokens: ``most``, or fewer where only that leaves a square."""
    rows = table.shape[1] if table is not None and table.ndim == 3 else 0
    for slots in range(most, -1, -1):
        if rows > slots and math.isqrt(rows - slots) ** 2 == rows - slots:
            return slots
    return most


def has_moco_positions(table: Tensor | None) -> bool:
    """Say whether ``pos_embed`` is the fixed one of MoCo v3.

    Sine and cosine of the row, then of the column, each for a quarter of the channels, and zeros for the class token.
    It is never trained, so these values mark the project even where names and wrapper do not. (MAE's has the column
    first.)
    """
    if table is None or table.is_meta or table.ndim != 3 or table.shape[0] != 1 or table.shape[2] % 4:
        return False
    side = math.isqrt(table.shape[1] - 1) if table.shape[1] > 1 else 0
    if side < 2 or side * side != table.shape[1] - 1 or bool(torch.count_nonzero(table[0, 0])):
        return False
    quarter = table.shape[2] // 4
    speed = 1 / 10000 ** (torch.arange(quarter, dtype=torch.float64) / quarter)
    place = torch.arange(side * side)
    row, column = (place // side)[:, None] * speed, (place % side)[:, None] * speed
    expected = torch.cat([row.sin(), row.cos(), column.sin(), column.cos()], dim=1)
    return bool(torch.allclose(table[0, 1:].double(), expected, atol=2e-3))  # half precision too
