"""Vision Transformers of torchvision (vit_b_16, ..., vit_h_14), SWAG's among them.

Facts:

- up to torchvision 0.11 a block's MLP was ``mlp.linear_1`` and ``mlp.linear_2``; since then it is a sequence, ``mlp.0``
  and ``mlp.3``. The published files have the first form, files written today the second;
- queries, keys and values are one matrix, ``self_attention.in_proj_weight``, in timm's order;
- exact GELU, LayerNorm epsilon 1e-6, ImageNet's mean and std, also for SWAG, whose licence is CC-BY-NC 4.0;
- with ``representation_size`` there is ``heads.pre_logits``, a layer with tanh before the head; timm has none;
- its own code resizes position embeddings bicubically with the corners aligned; ours does not align them.
"""

from __future__ import annotations

from toprung.checkpoints.dialects import IMAGENET, Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "torchvision ViT"

_BLOCK = "encoder.layers.encoder_layer_{i}"
TABLE = NameTable(
    [
        ("class_token", "cls_token"),
        ("conv_proj", "patch_embed.proj"),
        ("encoder.pos_embedding", "pos_embed"),
        (f"{_BLOCK}.ln_1", "blocks.{i}.norm1"),
        (f"{_BLOCK}.self_attention.in_proj_{{p}}", "blocks.{i}.attn.qkv.{p}"),
        (f"{_BLOCK}.self_attention.out_proj", "blocks.{i}.attn.proj"),
        (f"{_BLOCK}.ln_2", "blocks.{i}.norm2"),
        (f"{_BLOCK}.mlp.0", "blocks.{i}.mlp.fc1"),
        (f"{_BLOCK}.mlp.3", "blocks.{i}.mlp.fc2"),
        ("encoder.ln", "norm"),
        ("heads.head", "head"),
    ]
)
_MARKS = {"class_token", "encoder.pos_embedding", "encoder.layers.encoder_layer_0.self_attention.in_proj_weight"}


def recognise(file: WeightsFile) -> bool:
    """Recognise torchvision's numbered encoder layers."""
    return file.tensors.keys() >= _MARKS


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename; without the representation layer and the head that stands on it."""
    represented = "heads.pre_logits.weight" in file.tensors
    dropped = []
    kept = {}
    for name in file.tensors:
        if represented and name.startswith("heads."):
            what = "layer with tanh before the head" if ".pre_logits." in name else "head on top of pre_logits"
            dropped.append((name, f"{what}; the model has no such layer"))
        else:
            kept[_modern(name)] = name
    renamed = TABLE.rename({modern: file.tensors[name] for modern, name in kept.items()})
    swag = "swag" in file.path.name.lower()
    return Translation(
        renamed.state,
        dropped=tuple(dropped),
        leftover=tuple(kept[name] for name in renamed.leftover),
        assumptions=("heads: the model's own number (12 for B, 16 for L and H); no tensor tells it",),
        preprocessing=dict(IMAGENET),
        conventions=Conventions(activation="gelu", norm_eps=1e-6),
        antialias=False,
        position_slots=1,
        trained_for="a classifier" if "head.weight" in renamed.state else "no classifier",
        licence="CC-BY-NC 4.0 (SWAG): not for commercial use" if swag else "",
    )


def _modern(name: str) -> str:
    """Return the name that torchvision gives the same tensor today."""
    return name.replace(".mlp.linear_1.", ".mlp.0.").replace(".mlp.linear_2.", ".mlp.3.")
