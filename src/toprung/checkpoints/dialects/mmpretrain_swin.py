"""Swin and Swin V2 of OpenMMLab's MMPretrain (MMClassification before it), MMSegmentation and MMDetection.

Facts:

- files are ``{"meta", "state_dict"}``; the network lies under ``backbone.``, the classifier is ``head.fc``; backbones
  are published bare, too. Detectors and segmenters have other heads beside it, and a norm of every stage
  (``norm0`` to ``norm3``); classifiers have the last one only;
- blocks are ``stages.i.blocks.j`` with ``attn.w_msa`` and mmcv's FFN, ``ffn.layers.0.0`` and ``ffn.layers.1``; a
  merging of patches ends a stage, in timm it begins the next;
- the merging unfolds a map of channels: its 4C inputs are ordered by channel, row, column; the official code's (and
  timm's) by column, row, channel. The reduction's kernel and the norm in front of it must be put in that order. In
  Swin V2 the norm comes behind the reduction and has no such order;
- relative positions are numbered as in the official code;
- exact GELU, LayerNorm epsilon 1e-5, ImageNet's mean and std; a fresh head is a truncated normal of std 0.02;
- the giant models of Swin V2 have a third norm in some blocks, for which timm has no place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

from toprung.checkpoints.dialects import IMAGENET, HeadStart, Target, Translation, _swin
from toprung.checkpoints.dialects._openmmlab import BACKBONE, beside
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "MMPretrain Swin"

_BLOCK, _OURS = "stages.{i}.blocks.{j}", "layers.{i}.blocks.{j}"
_ATTENTION = ("qkv", "proj", "relative_position_bias_table", "q_bias", "v_bias", "logit_scale", "cpb_mlp")
_MERGING = re.compile(r"stages\.\d+\.downsample\.(?P<leaf>reduction\.weight|norm\.weight|norm\.bias)")


def _table(last: int) -> NameTable:
    """Return the names of a network whose last stage has this number."""
    return NameTable(
        [
            ("patch_embed.projection", "patch_embed.proj"),
            ("patch_embed.norm", "patch_embed.norm"),
            (f"{_BLOCK}.norm1", f"{_OURS}.norm1"),
            (f"{_BLOCK}.norm2", f"{_OURS}.norm2"),
            *((f"{_BLOCK}.attn.w_msa.{part}", f"{_OURS}.attn.{part}") for part in _ATTENTION),
            (f"{_BLOCK}.ffn.layers.0.0", f"{_OURS}.mlp.fc1"),
            (f"{_BLOCK}.ffn.layers.1", f"{_OURS}.mlp.fc2"),
            *((f"stages.{stage}.downsample", f"layers.{stage + 1}.downsample") for stage in range(8)),
            (f"norm{last}", "norm"),
            ("head.fc", "head.fc"),
        ]
    )


TABLE = _table(3)
_MARKS = {"patch_embed.projection.weight", "stages.0.blocks.0.attn.w_msa.qkv.weight"}


def recognise(file: WeightsFile) -> bool:
    """Recognise windows in ``w_msa``, bare or under ``backbone.``."""
    return {name.removeprefix(BACKBONE) for name in file.tensors} >= _MARKS


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename, move the merging to the next stage, and put its inputs in the official order."""
    prefix = BACKBONE if any(name.startswith(BACKBONE) for name in file.tensors) else ""
    kept: dict[str, Tensor] = {}
    theirs: dict[str, str] = {}
    computed: dict[str, Tensor] = {}
    dropped, leftover = [], []
    last = _last_stage(file.tensors)
    for name, tensor in file.tensors.items():
        inner = name.removeprefix(prefix)
        if reason := beside(name):
            dropped.append((name, reason))
        elif _swin.is_computed(name):
            place = inner.replace("stages.", "layers.", 1).replace(".w_msa.", ".", 1)
            computed[place] = tensor
            dropped.append((name, "computed by the model from window and image size"))
        elif inner == "mask_token":
            dropped.append((name, "stands for hidden patches, which only pretraining has"))
        elif _is_inner_norm(inner, last):
            dropped.append((name, "norm of an inner stage, which only detection and segmentation read"))
        elif inner in kept:
            leftover.append(name)
        else:
            kept[inner], theirs[inner] = tensor, name
    ordered = {name: _ordered(name, tensor, _inputs(name, kept)) for name, tensor in kept.items()}
    renamed = _table(last).rename(ordered)
    return Translation(
        renamed.state,
        dropped=tuple(dropped),
        leftover=(*leftover, *(theirs[name] for name in renamed.leftover)),
        assumptions=_swin.notes_on_windows(computed, target),
        preprocessing=dict(IMAGENET),
        conventions=Conventions(activation="gelu", norm_eps=1e-5),
        antialias=False,
        head_start=HeadStart("trunc_normal", 0.02, "MMPretrain's configurations of Swin"),
        trained_for="a classifier" if "head.fc.weight" in renamed.state else "no classifier",
        unfit=_swin.unfit_offsets(computed, target),
    )


def _ordered(name: str, tensor: Tensor, inputs: int) -> Tensor:
    """Return a merging's kernel or norm with its inputs by column, row, channel.

    Args:
        name: of the tensor, without ``backbone.``.
        tensor: a kernel (out, 4C), or the weights or biases of a norm.
        inputs: of the merging's reduction, 4C; a norm of another size stands behind the reduction.
    """
    if _MERGING.fullmatch(name) is None or not tensor.ndim or tensor.shape[-1] != inputs or inputs % 4:
        return tensor
    return tensor.unflatten(-1, (-1, 2, 2)).transpose(-1, -3).flatten(-3)


def _inputs(name: str, kept: Mapping[str, Tensor]) -> int:
    """Return how many inputs the reduction beside a merging's tensor has, 0 where there is none."""
    kernel = kept.get(f"{name.partition('.downsample.')[0]}.downsample.reduction.weight")
    return kernel.shape[1] if kernel is not None and kernel.ndim == 2 else 0


def _last_stage(names: Iterable[str]) -> int:
    return max(
        (int(found[1]) for name in names if (found := re.match(r"(?:backbone\.)?stages\.(\d+)\.", name))), default=0
    )


def _is_inner_norm(name: str, last: int) -> bool:
    found = re.fullmatch(r"norm(\d+)\.(weight|bias)", name)
    return found is not None and int(found[1]) < last
