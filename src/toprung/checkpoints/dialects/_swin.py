"""What the Swin dialects share: what the model computes by itself, and in which window a file measures offsets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from toprung.checkpoints.dialects import Target

_COMPUTED = re.compile(r".*\.(relative_position_index|relative_coords_table|attn_mask)")
_TABLE = ".relative_coords_table"


@dataclass(frozen=True)
class _Offsets:
    """The window of one block, and the one in whose size its offsets are measured; the file's, then the model's."""

    window: int
    unit: float
    own_window: int
    own_unit: int


def is_computed(name: str) -> bool:
    """Say whether a tensor is an index, a table of offsets or a mask, which the model works out from its window."""
    return bool(_COMPUTED.fullmatch(name))


def unfit_offsets(computed: Mapping[str, Tensor], target: Target | None) -> str:
    """Say why a Swin V2 file would answer otherwise in the model, "" where it would not.

    Its biases are a function of offsets that are measured in the window of pretraining. A model that measures them
    otherwise has tensors of the same names and shapes.

    Args:
        computed: what :func:`is_computed` tells, by timm's names.
        target: the model.
    """
    for block in _offsets(computed, target):
        if abs(block.unit - block.own_unit) > 0.4:  # half precision blurs it a little
            return (
                f"its offsets are measured in a window of {block.unit:.0f}, the model's in one of {block.own_unit}; "
                f"build the model with that window, or give it the file's as pretrained_window_sizes."
            )
    return ""


def notes_on_windows(computed: Mapping[str, Tensor], target: Target | None) -> tuple[str, ...]:
    """Say that the model has other windows than the file; its biases hold for any window."""
    for block in _offsets(computed, target):
        if block.window != block.own_window:
            theirs, ours = block.window, block.own_window
            return (
                f"trained with windows of {theirs}×{theirs}, the model has {ours}×{ours}; offsets keep their biases",
            )
    return ()


def _offsets(computed: Mapping[str, Tensor], target: Target | None) -> Iterator[_Offsets]:
    for name, table in computed.items():
        attention = _module(target, name.removesuffix(_TABLE)) if name.endswith(_TABLE) else None
        window, own = getattr(attention, "window_size", None), getattr(attention, "pretrained_window_size", (0, 0))
        if window is not None and table.ndim == 4 and table.shape[1] > 1 and not table.is_meta:
            unit = _unit_of(table)
            if unit is not None:
                yield _Offsets((table.shape[1] + 1) // 2, unit, window[0], own[0] if own[0] > 0 else window[0])


def _module(target: Target | None, name: str) -> Any:
    try:
        return target.module.get_submodule(name) if target else None
    except AttributeError:
        return None


def _unit_of(table: Tensor) -> float | None:
    """Read the unit off a table ``(1, 2w-1, 2w-1, 2)``: an offset of d places is log2(1 + 8 d / (unit - 1)) / 3."""
    farthest = (table.shape[1] - 1) / 2
    share = (2.0 ** (3 * float(table[..., 0].max())) - 1) / 8
    return 1 + farthest / share if share > 0 else None
