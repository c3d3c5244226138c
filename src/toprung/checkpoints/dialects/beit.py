"""BEiT and BEiT v2 (Bao et al. 2022, Peng et al. 2022), files of microsoft/unilm; timm's Beit has the same names.

Facts:

- biases of query and value only (``q_bias``, ``v_bias``), layer scale ``gamma_1``, ``gamma_2``, and positions as a
  table of relative offsets: one per block after fine-tuning, one shared by all (``rel_pos_bias.``) in pretraining;
- no absolute positions, as a rule. A plain ViT has no place for the tables and would answer without positions;
- pretraining files hold ``mask_token``, ``lm_head`` and (v2) ``cls_pt_layers``; fine-tuned ones average: ``fc_norm``;
- the tensors lie under ``model``, and the index of the tables is kept with them; timm keeps neither, so that its own
  files, of BEiT v2 too, are told apart and get no mean and std that were not theirs;
- exact GELU, LayerNorm epsilon 1e-6; a fresh head begins as a truncated normal of std 0.02 times 0.001;
- BEiT expects mean and std 0.5, BEiT v2 ImageNet's (as timm's table of them says).
"""

from __future__ import annotations

from collections.abc import Iterable

from toprung.checkpoints.dialects import HALF, IMAGENET, HeadStart, Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.models.conventions import Conventions

NAME = "BEiT"

_SHARED = "rel_pos_bias.relative_position_bias_table"
_OWN = "blocks.{}.attn.relative_position_bias_table"
_PRETRAINING = ("mask_token", "lm_head.", "cls_pt_layers.", "cls_pt_norm.", "cls_pt_lm_head.")
_INDEX = "relative_position_index"


def recognise(file: WeightsFile) -> bool:
    """Recognise blocks with biases of query and value and tables of relative positions, as unilm writes them."""
    names = file.tensors.keys()
    tables = _SHARED in names or _OWN.format(0) in names
    marks = {"cls_token", "patch_embed.proj.weight", "blocks.0.attn.q_bias", "blocks.0.attn.qkv.weight"}
    kept_by_unilm = file.wrapper == "model" or any(
        name.endswith(_INDEX) or name.startswith(_PRETRAINING) for name in names
    )
    return marks <= set(names) and tables and kept_by_unilm


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Keep the encoder; give each block the shared table where the model has one per block."""
    dropped = []
    state = {}
    for name, tensor in file.tensors.items():
        if name.startswith(_PRETRAINING):
            dropped.append((name, "part of masked pretraining"))
        elif name.endswith(_INDEX):
            dropped.append((name, "computed by the model"))
        else:
            state[name] = tensor
    if _SHARED in state and _has_own_tables(target):
        shared = state.pop(_SHARED)
        state |= {_OWN.format(index): shared for index in range(_depth(state))}
    second = "beitv2" in file.path.name.lower() or any(name.startswith("cls_pt_") for name in file.tensors)
    preprocessing = IMAGENET if second else HALF
    averages = "fc_norm.weight" in state
    return Translation(
        state,
        dropped=tuple(dropped),
        assumptions=(
            f"mean {preprocessing['mean'][0]}, ...: BEiT v2's where the file says so, else BEiT's",
            "heads: the model's own number (one per 64 channels)",
        ),
        preprocessing=dict(preprocessing),
        conventions=Conventions(activation="gelu", norm_eps=1e-6),
        head_start=HeadStart("trunc_normal", 2e-5, "BEiT's fine-tuning"),
        trained_for="a classifier, after masked pretraining" if averages else "masked pretraining; no classifier",
        licence="MIT",
        unfit=_unfit(target),
    )


def _unfit(target: Target | None) -> str:
    if target is None or any("relative_position_bias_table" in name for name in target.shapes):
        return ""
    return (
        "its positions are tables of relative offsets, for which the model has no place, and it would answer without "
        "positions; use one of timm's beit_ or beitv2_ models"
    )


def _has_own_tables(target: Target | None) -> bool:
    return target is None or _OWN.format(0) in target.shapes


def _depth(names: Iterable[str]) -> int:
    return 1 + max(int(name.split(".")[1]) for name in names if name.startswith("blocks."))
