"""MoCo v3 (Chen et al. 2021, arXiv 2104.02057), files of facebookresearch/moco-v3.

Facts:

- checkpoints hold ``epoch``, ``arch``, ``state_dict``, ``optimizer`` and ``scaler``; the names are ``module.`` and then
  ``base_encoder.``, ``momentum_encoder.`` or ``predictor.``. Its own linear evaluation takes ``base_encoder``, the one
  that is trained, without the ``head`` (ResNet: ``fc``), which there is a projector of three layers;
- the encoders are timm's ViT or torchvision's ResNet, with their names;
- ViT-S has 12 heads, where everybody else's has 6: no tensor tells. ViT-B has 12 as well;
- positions are fixed, sine and cosine of row and column, with zeros for the class token. These values also mark the
  files of its linear evaluation (timm's names with a head) and of its conversion for DeiT (``model``, no head);
- the ``conv`` variants have four convolutions in place of the patch embedding; timm has no such ViT;
- exact GELU, LayerNorm epsilon 1e-6, BatchNorm epsilon 1e-5, ImageNet's mean and std;
- its linear evaluation starts the classifier with a normal of std 0.01.
"""

from __future__ import annotations

from toprung.checkpoints.dialects import IMAGENET, HeadStart, Target, Translation
from toprung.checkpoints.dialects._vit import HEAD, has_moco_positions, is_plain_vit
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import under
from toprung.models.conventions import Conventions

NAME = "MoCo v3"

_BASE = "base_encoder."
_PARTS = {"base_encoder", "momentum_encoder", "predictor"}
_PROJECTORS = ("head.", "fc.")
_ARCHITECTURES = {"vit_small", "vit_base"}  # its own names; timm's say more
_HEADS = {384: 12, 768: 12}  # by width
_HEAD_START = HeadStart("normal", 0.01, "MoCo v3's linear evaluation")


def recognise(file: WeightsFile) -> bool:
    """Recognise the two encoders, or a plain ViT with MoCo v3's fixed positions or its linear evaluation's entries."""
    parts = {name.partition(".")[0] for name in file.tensors}
    if "base_encoder" in parts and parts <= _PARTS and len(parts) > 1:
        return True
    if not is_plain_vit(file.tensors, HEAD):
        return False
    evaluated = "best_acc1" in file.entries and file.entries.get("arch") in _ARCHITECTURES
    return evaluated or has_moco_positions(file.tensors["pos_embed"])


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Keep the base encoder."""
    state = under(file.tensors, _BASE)
    dropped = []
    if state:
        dropped = [(name, _reason(name)) for name in file.tensors if _reason(name)]
        state = {name: tensor for name, tensor in state.items() if not name.startswith(_PROJECTORS)}
    else:
        state = dict(file.tensors)
    vit = "blocks.0.attn.qkv.weight" in state
    width = state["patch_embed.proj.weight"].shape[0] if "patch_embed.proj.weight" in state else 0
    heads = _HEADS.get(width) if vit else None
    told = f"{heads} heads, as all of MoCo v3's ViT of width {width}" if heads else "heads: the model's own number"
    unfit = ""
    if "patch_embed.proj.0.weight" in state:
        unfit = "it begins with a stem of convolutions in place of a patch embedding, which no timm ViT has."
    return Translation(
        state,
        dropped=tuple(dropped),
        assumptions=(f"{told}; no tensor tells it",) if vit else (),
        preprocessing=dict(IMAGENET),
        conventions=(
            Conventions(activation="gelu", norm_eps=1e-6, num_heads=heads) if vit else Conventions(batch_norm_eps=1e-5)
        ),
        antialias=False,
        position_slots=1 if vit else None,
        head_start=_HEAD_START,
        trained_for=(
            "MoCo v3 self-supervision, then a linear classifier on frozen features"
            if "head.weight" in state
            else "MoCo v3 self-supervision; no classifier"
        ),
        licence="CC-BY-NC 4.0 for the published files: not for commercial use",
        arguments={"num_heads": heads} if heads else {},
        unfit=unfit,
    )


def _reason(name: str) -> str:
    if name.startswith(tuple(_BASE + projector for projector in _PROJECTORS)):
        return "MoCo's projector, which only its training needs"
    if name.startswith("momentum_encoder."):
        return "moving average; MoCo v3's own evaluation takes the base encoder"
    return "MoCo's predictor, which only its training needs" if name.startswith("predictor.") else ""
