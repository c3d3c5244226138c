"""Which layer a parameter belongs to, counted from the input: for rates that fall with depth, and for freezing."""

from __future__ import annotations

import re

from torch import nn

from toprung.errors import ModelError
from toprung.models.blocks.learnable_resizer import PREFIX as RESIZER  # starts fresh, as the head does

_BLOCK = re.compile(r"blocks\.(\d+)\.")
_AFTER_THE_BLOCKS = ("norm.", "fc_norm.", "head.", "head_dist.", "attn_pool.", "rel_pos_bias.")


def layer_numbers(model: nn.Module) -> dict[str, int]:
    """Return the layer of every parameter by its name; 0 is next to the input, the largest is the head's.

    Of a plain ViT of depth D: embeddings (patches, tokens, positions) are layer 0, block i is layer i + 1, and the
    last norm and the head are layer L = D + 1. Relative positions that all blocks share are layer L, as in BEiT. Any
    other model is grouped by its own ``group_matcher``.

    Raises:
        ModelError: the model does not tell its layers.

    Source:
        He et al. 2021 (MAE), appendix A.1, after Clark et al. 2020 (ELECTRA) and Bao et al. 2021 (BEiT): the functions
        that their published fine-tuning code calls ``get_layer_id_for_vit`` and ``get_num_layer_for_vit``.
    """
    names = [name for name, _ in model.named_parameters()]
    own = [name for name in names if not name.startswith(RESIZER)]
    numbers = _plain(model, own) if is_plain_vit(model) else _by_matcher(model)
    top = max(numbers.values(), default=0)
    return {name: numbers.get(name, top) if not name.startswith(RESIZER) else top for name in names}


def is_plain_vit(model: nn.Module) -> bool:
    """Say whether the model is a ViT of equal blocks: timm's ViT, DeiT, BEiT and EVA."""
    from timm.models.beit import Beit
    from timm.models.eva import Eva
    from timm.models.vision_transformer import VisionTransformer

    return isinstance(model, (VisionTransformer, Beit, Eva))


def _plain(model: nn.Module, names: list[str]) -> dict[str, int]:
    top = len(model.blocks) + 1  # type: ignore[arg-type]

    def number(name: str) -> int:
        block = _BLOCK.match(name)
        if block:
            return int(block[1]) + 1
        return top if name.startswith(_AFTER_THE_BLOCKS) else 0

    return {name: number(name) for name in names}


def _by_matcher(model: nn.Module) -> dict[str, int]:
    from timm.models import group_parameters

    matcher = getattr(model, "group_matcher", None)
    if matcher is None:
        raise ModelError(
            f"{type(model).__name__} does not tell which layer a parameter belongs to; "
            "set optimisation.layer_decay=1, and freeze by names:PATTERN."
        )
    return dict(group_parameters(model, matcher(coarse=False), reverse=True))
