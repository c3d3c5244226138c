"""BEiT of Hugging Face transformers (BeitModel, BeitForImageClassification, BeitForMaskedImageModeling).

Facts:

- the network hangs under ``beit.`` in the classes for a task; keys have no bias; layer scale is ``lambda_1``;
- relative position tables lie in every block, or one for all blocks under ``encoder`` (in version 5's memory
  ``shared_position_bias``): the pretraining files' way; timm's usual BEiT has one in every block, and copies of the
  shared one compute the same;
- fine-tuned files average the patches and then have ``pooler.layernorm``, which is timm's ``fc_norm``; with
  ``use_mean_pooling`` off, ``layernorm`` comes before the class token is read, which is timm's ``norm``;
- BeitForMaskedImageModeling has a ``layernorm`` of its own outside of ``beit.``; in the usual configuration it is the
  only last norm there is; ``lm_head`` guesses visual tokens;
- older files hold ``relative_position_index``, which the model computes;
- LayerNorm epsilon 1e-12, exact GELU by default; mean and std 0.5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from toprung.checkpoints.dialects import HALF, Target, Translation
from toprung.checkpoints.dialects import _transformers as hf
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable, count_blocks

NAME = "transformers BEiT"
_PREFIX = "beit."
_ENDS: hf.Rules = [*hf.VIT_ENDS, ("pooler.layernorm", "fc_norm")]
_OWN: hf.Rules = [
    ("encoder.layer.{i}.attention.attention.query.bias", "blocks.{i}.attn.q_bias"),
    ("encoder.layer.{i}.attention.attention.value.bias", "blocks.{i}.attn.v_bias"),
    ("encoder.layer.{i}.attention.attention.relative_position_bias", "blocks.{i}.attn"),
    ("encoder.layer.{i}.lambda_{j}", "blocks.{i}.gamma_{j}"),
    ("encoder.relative_position_bias", "rel_pos_bias"),
]
_OWN_IN_MEMORY: hf.Rules = [
    ("layers.{i}.attention.q_proj.bias", "blocks.{i}.attn.q_bias"),
    ("layers.{i}.attention.v_proj.bias", "blocks.{i}.attn.v_bias"),
    ("layers.{i}.relative_position_bias", "blocks.{i}.attn"),
    ("layers.{i}.lambda_{j}", "blocks.{i}.gamma_{j}"),
    ("shared_position_bias", "rel_pos_bias"),
]
TABLE = NameTable([*_ENDS, *_OWN, *hf.VIT_BLOCKS])

_IN_MEMORY = NameTable([*_ENDS, *_OWN_IN_MEMORY, *hf.VIT_BLOCKS_IN_MEMORY])
_SPARE = (hf.MASK_TOKEN, ("lm_head.", "head that guesses visual tokens in pretraining"))
_SECOND_NORM = "norm of the head that guesses visual tokens; the network has a last norm of its own"
_INDEX = "relative_position_index"
_SHARED = "rel_pos_bias.relative_position_bias_table"
_MARKS = {"embeddings.cls_token", "embeddings.patch_embeddings.projection.weight"}
_KEY_BIAS = re.compile(r".*(\.key|\.k_proj)\.bias")


def recognise(file: WeightsFile) -> bool:
    """Recognise the library's blocks with keys without bias, and layer scale or relative position tables."""
    if not hf.is_type(file, "beit"):
        return False
    names = hf.inner_names(file, _PREFIX)
    blocks = any(name.endswith("layer.0.layernorm_before.weight") or name == "layers.0.layernorm_before.weight"
                 for name in names)  # fmt: skip
    marked = any(name.endswith((".lambda_1", "relative_position_bias_table")) for name in names)
    return names >= _MARKS and blocks and marked and not any(_KEY_BIAS.fullmatch(name) for name in names)


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Join the matrices of query, key and value; give every block its relative positions."""
    prefix = hf.prefix_of(file.tensors, _PREFIX)
    tensors, dropped = _used(file.tensors, prefix)
    names = hf.rename(tensors, prefix, _SPARE, TABLE, _IN_MEMORY)
    state = dict(names.state)
    if _SHARED in state and hf.own_shape(target, _SHARED) is None:
        shared = state.pop(_SHARED)
        for index in range(count_blocks(state, r"blocks\.(\d+)\.")):
            state.setdefault(f"blocks.{index}.attn.relative_position_bias_table", shared)
    how = hf.computing(file.config, "gelu", 1e-12)
    relative = any(name.endswith("relative_position_bias_table") for name in state)
    unfit = how.unfit
    if target is not None and target.kind != "Beit":
        unfit = "BEiT's positions are relative tables in its attention; only timm's beit_* models have them"
    return Translation(
        state,
        dropped=(*dropped, *names.dropped),
        leftover=names.leftover,
        assumptions=how.assumptions,
        preprocessing=dict(HALF),
        conventions=how.conventions,
        antialias=False,
        position_slots=1,
        grid=hf.grid_of(file.config, state.get("pos_embed"), 1),
        trained_for="BEiT pretraining; no classifier" if "lm_head.weight" in file.tensors else "BEiT",
        arguments=_arguments(state, relative),
        classes=hf.classes_of(file.config, state.get("head.weight")),
        unfit=unfit,
    )


def _used(tensors: Mapping[str, Tensor], prefix: str) -> tuple[dict[str, Tensor], list[tuple[str, str]]]:
    """Take out what the model computes, and a second last norm."""
    dropped = [(name, "computed by the model") for name in tensors if name.endswith(_INDEX)]
    if prefix and f"{prefix}layernorm.weight" in tensors:
        dropped += [(name, _SECOND_NORM) for name in tensors if name.startswith("layernorm.")]
    gone = {name for name, _ in dropped}
    return {name: tensor for name, tensor in tensors.items() if name not in gone}, dropped


def _arguments(state: Mapping[str, Tensor], relative: bool) -> dict[str, object]:
    arguments: dict[str, object] = {}
    if "norm.weight" in state and "fc_norm.weight" not in state:
        arguments["global_pool"] = "token"
    if "pos_embed" in state:
        arguments["use_abs_pos_emb"] = True
    if not relative:
        arguments["use_rel_pos_bias"] = False
    return arguments
