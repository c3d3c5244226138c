"""DeiT, with and without distillation (Touvron et al. 2021, arXiv 2012.12877), files of facebookresearch/deit.

Facts:

- published files hold the tensors under ``model``; its training files also hold ``model_ema``, the moving average,
  beside ``optimizer``, ``lr_scheduler``, ``epoch`` and ``args``;
- the names are timm's ViT, with a head: a plain ViT with a head that lies under ``model`` is DeiT's (timm's own files
  are bare or lie under ``state_dict``);
- distilled models have a second token, ``dist_token``, behind the class token, a row of ``pos_embed`` for it, and a
  second classifier ``head_dist``; the answer is the mean of both. timm's class for it is VisionTransformerDistilled
  (``deit_*_distilled_*``); without the token every other token computes something else;
- exact GELU, LayerNorm epsilon 1e-6, ImageNet's mean and std; heads of 64 channels (3, 6 and 12 for Ti, S and B);
- its own code resizes position embeddings bicubically without antialiasing, and drops the head for other classes, which
  then starts with a truncated normal of std 0.02.
"""

from __future__ import annotations

from toprung.checkpoints.dialects import IMAGENET, HeadStart, Target, Translation
from toprung.checkpoints.dialects._vit import DISTILLED, HEAD, has_moco_positions, is_plain_vit, slots_of
from toprung.checkpoints.files import WeightsFile
from toprung.models.conventions import Conventions

NAME = "DeiT"

_HEAD_START = HeadStart("trunc_normal", 0.02, "DeiT's fine-tuning")


def recognise(file: WeightsFile) -> bool:
    """Recognise a plain or distilled ViT with a head under ``model`` or ``model_ema``."""
    names = file.tensors.keys()
    if file.wrapper not in ("model", "model_ema") or not is_plain_vit(names, HEAD, DISTILLED):
        return False
    has_head = "head.weight" in names or "dist_token" in names
    return has_head and not has_moco_positions(file.tensors.get("pos_embed"))


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Return the tensors as they are."""
    distilled = "dist_token" in file.tensors
    unfit = ""
    if distilled and target is not None and "dist_token" not in target.shapes:
        unfit = (
            "it has a distillation token, without which its other tokens compute something else, and the model has "
            "none; take one of timm's deit_*_distilled models."
        )
    return Translation(
        dict(file.tensors),
        assumptions=("heads: the model's own number (one per 64 channels); no tensor tells it",),
        preprocessing=dict(IMAGENET),
        conventions=Conventions(activation="gelu", norm_eps=1e-6),
        antialias=False,
        position_slots=slots_of(file.tensors.get("pos_embed"), 2 if distilled else 1),
        head_start=_HEAD_START,
        trained_for="ImageNet-1k, distilled from a convolutional network" if distilled else "ImageNet-1k, supervised",
        licence="Apache 2.0",
        unfit=unfit,
    )
