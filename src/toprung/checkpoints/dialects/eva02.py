"""EVA-02 (Fang et al. 2023, arXiv 2303.11331) and EVA-CLIP (arXiv 2303.15389), files of baaivision/EVA.

Facts:

- timm has them as class Eva. SwiGLU's ``mlp.w1`` (gate), ``w2``, ``w3`` are its ``fc1_g``, ``fc1_x``, ``fc2``, and
  ``w12`` holds gate and value in one matrix; ``ffn_ln`` and ``inner_attn_ln`` are its ``mlp.norm`` and ``attn.norm``;
- B and L have ``q_proj``, ``k_proj`` and ``v_proj``, smaller ones and EVA (the first) one ``qkv``; ``q_bias`` and
  ``v_bias`` stand beside them in both, and keys have no bias;
- ``rope.freqs_cos`` and ``freqs_sin``, at the top and again in blocks, are tables (patches, width of a head) which timm
  computes from the grid: first half by row, second by column;
- pretraining files hold ``mask_token`` and ``lm_head``, which predicts CLIP's features; fine-tuned ones pool by average
  and have ``fc_norm`` in place of ``norm``. For fine-tuning timm takes the pretrained ``norm`` as ``fc_norm``;
- EVA-CLIP's picture tower hangs under ``visual.``; its ``head`` projects to the space shared with texts; features are
  the class token's. The largest (width 1,792) has its norms behind attention and MLP;
- exact GELU where there is no SwiGLU, LayerNorm epsilon 1e-6, CLIP's mean and std.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from toprung.checkpoints.dialects import CLIP, Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable, under
from toprung.models.conventions import Conventions

NAME = "EVA-02"

_TOP = ("cls_token", "pos_embed", "patch_embed.proj", "norm", "fc_norm", "head")
_SAME = ("norm1", "norm2", "attn.proj", "attn.qkv", "attn.q_proj", "attn.k_proj", "attn.v_proj")
_NORMS = (("attn.inner_attn_ln", "attn.norm"), ("mlp.ffn_ln", "mlp.norm"))
_SPLIT = (("attn.q_bias", "attn.q_proj.bias"), ("attn.v_bias", "attn.v_proj.bias"))
_FUSED = (("attn.q_bias", "attn.q_bias"), ("attn.v_bias", "attn.v_bias"))
_GATED = (("mlp.w1", "mlp.fc1_g"), ("mlp.w2", "mlp.fc1_x"), ("mlp.w12", "mlp.fc1"), ("mlp.w3", "mlp.fc2"))
_PLAIN = (("mlp.fc1", "mlp.fc1"), ("mlp.fc2", "mlp.fc2"))


def _table(*parts: tuple[tuple[str, str], ...]) -> NameTable:
    pairs = [*((name, name) for name in _SAME), *_NORMS, *(pair for part in parts for pair in part)]
    inside = [(f"blocks.{{i}}.{theirs}", f"blocks.{{i}}.{ours}") for theirs, ours in pairs]
    return NameTable([*((name, name) for name in _TOP), *inside])


TABLE = _table(_SPLIT, _GATED)
_TABLES = {
    (True, True): TABLE,
    (True, False): _table(_SPLIT, _PLAIN),
    (False, True): _table(_FUSED, _GATED),
    (False, False): _table(_FUSED, _PLAIN),
}

_TOWER = "visual."
_PRETRAINING = ("mask_token", "lm_head.weight", "lm_head.bias")
_BESIDE_TOWER = {"text": "text tower", "logit_scale": "temperature of the contrastive loss"}
_OWN_NAMES = ("attn.q_proj.weight", "attn.inner_attn_ln.weight", "mlp.ffn_ln.weight", "mlp.w1.weight", "mlp.w12.weight")
_POST_NORM_WIDTH = 1792
_ROUNDING = 0.02  # of rotations kept in half precision


def recognise(file: WeightsFile) -> bool:
    """Recognise biases of query and value beside the project's own names, its tower, or its pretraining's head."""
    return _prefix(file.tensors) is not None


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Keep the picture tower; drop what the model computes and what only pretraining needs."""
    prefix = _prefix(file.tensors) or ""
    inner = under(file.tensors, prefix)
    outside = [name for name in file.tensors if not name.startswith(prefix)]
    dropped = [(name, _BESIDE_TOWER[_first(name)]) for name in outside if _first(name) in _BESIDE_TOWER]
    leftover = [name for name in outside if _first(name) not in _BESIDE_TOWER]
    kept: dict[str, Tensor] = {}
    for name, tensor in inner.items():
        if _is_rotation(name):
            dropped.append((prefix + name, "rotations, computed by the model"))
        elif name in _PRETRAINING:
            dropped.append((prefix + name, "EVA's pretraining, which predicts features of hidden patches"))
        elif prefix and name.startswith("head."):
            dropped.append((prefix + name, "projection to the space shared with texts"))
        else:
            kept[name] = tensor
    split = "blocks.0.attn.q_proj.weight" in inner
    gated = "blocks.0.mlp.w3.weight" in inner
    renamed = _TABLES[split, gated].rename(kept)
    state = _as_the_target_packs(renamed.state, target) if gated else renamed.state
    pretrained = any(name in inner for name in _PRETRAINING)
    moved = pretrained and _norm_after_pooling(state, target)
    unknown = "activation where there is no SwiGLU, norm epsilon and number of heads: no tensor tells them"
    return Translation(
        state,
        dropped=tuple(dropped),
        leftover=(*leftover, *(prefix + name for name in renamed.leftover)),
        assumptions=(unknown, *(("the last norm is taken behind the average, as timm does",) if moved else ())),
        preprocessing=dict(CLIP),
        conventions=Conventions(activation=None if gated else "gelu", norm_eps=1e-6),
        antialias=False,
        position_slots=1,
        trained_for=_trained_for(bool(prefix), pretrained),
        licence="MIT",
        arguments={"global_pool": "avg" if "fc_norm.weight" in state else "token"},
        unfit=_misfit(inner, target, gated),
    )


def _prefix(tensors: Mapping[str, Tensor]) -> str | None:
    """Return what stands before the picture tower's names, ``None`` where they are not this project's."""
    for prefix in (_TOWER, ""):
        marks = (f"{prefix}patch_embed.proj.weight", f"{prefix}blocks.0.attn.q_bias")
        scaled = f"{prefix}blocks.0.gamma_1" in tensors or any("relative_position" in name for name in tensors)
        if not all(mark in tensors for mark in marks) or scaled:  # BEiT's
            continue
        own = any(f"{prefix}blocks.0.{name}" in tensors for name in _OWN_NAMES)
        if own or prefix or any(name in tensors for name in _PRETRAINING):
            return prefix
    return None


def _first(name: str) -> str:
    return name.partition(".")[0]


def _is_rotation(name: str) -> bool:
    return name.endswith(("rope.freqs_cos", "rope.freqs_sin"))


def _as_the_target_packs(state: dict[str, Tensor], target: Target | None) -> dict[str, Tensor]:
    """Join gate and value, or cut them, as the model has them; both spellings compute the same."""
    if target is None:
        return state
    packed = "blocks.0.mlp.fc1.weight" in target.shapes
    found = dict(state)
    for name, tensor in state.items():
        block, mark, leaf = name.partition(".mlp.fc1_g." if packed else ".mlp.fc1.")
        if not mark:
            continue
        gate, value, both = (f"{block}.mlp.{part}.{leaf}" for part in ("fc1_g", "fc1_x", "fc1"))
        if packed and value in state:
            found[both] = torch.cat([found.pop(gate), found.pop(value)])
        elif not packed and gate not in state and value not in state and tensor.shape[0] % 2 == 0:
            found[gate], found[value] = found.pop(both).chunk(2)
    return found


def _norm_after_pooling(state: dict[str, Tensor], target: Target | None) -> bool:
    """Take ``norm`` as ``fc_norm`` where the model has only that; say whether it was so."""
    averages = target is not None and "fc_norm.weight" in target.shapes and "norm.weight" not in target.shapes
    if not averages or any(name.startswith("fc_norm.") for name in state):
        return False
    found = [name for name in state if name.startswith("norm.")]
    for name in found:
        state[f"fc_{name}"] = state.pop(name)
    return bool(found)


def _trained_for(tower: bool, pretrained: bool) -> str:
    if tower:
        return "contrastive pretraining on pictures and texts; no classifier"
    return "prediction of CLIP's features for hidden patches; no classifier" if pretrained else "a classifier"


def _misfit(inner: Mapping[str, Tensor], target: Target | None, gated: bool) -> str:
    if target is None:
        return ""
    if target.kind != "Eva":
        return "its network is timm's class Eva, which the model is not of; take one of timm's eva02_* or eva_*."
    tables = [tensor for name, tensor in inner.items() if name.endswith("rope.freqs_cos") and tensor.ndim == 2]
    rotations = getattr(target.module, "rope", None)
    rotates = gated or bool(tables)  # all of them with SwiGLU rotate, with the tables in the file or without
    if rotates != (rotations is not None):
        return f"its positions are {'' if rotates else 'not '}rotations (RoPE), the model's are {'not ' * rotates}so."
    first = target.module.get_submodule("blocks.0")
    behind = type(first).__name__ == "EvaBlockPostNorm"
    if behind != (inner["patch_embed.proj.weight"].shape[0] == _POST_NORM_WIDTH):
        return "its norms stand on the other side of attention and MLP than the model's."
    return _other_rotations(tables, rotations, getattr(target.module.get_submodule("blocks.0.attn"), "head_dim", None))


def _other_rotations(tables: list[Tensor], rotations: object, head: int | None) -> str:
    """Compare the file's tables to the model's where they are of the same grid."""
    own = getattr(rotations, "pos_embed", None)
    for table in tables:
        if head is not None and table.shape[1] != head:
            return f"its heads are {table.shape[1]} wide, the model's {head}: another number of heads."
        if not isinstance(own, Tensor) or own.is_meta or own.shape[0] != table.shape[0]:
            continue
        if not torch.allclose(own.chunk(2, dim=-1)[1].float().cpu(), table.float(), atol=_ROUNDING):
            return "its rotations are others than the model's, as of another grid of pretraining."
    return ""
