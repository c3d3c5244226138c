"""DINO (Caron et al. 2021, arXiv 2104.14294), files of facebookresearch/dino.

Facts:

- published backbones are bare torch files with the names of timm's ViT and no head. MAE's lie under ``model``, iBOT's
  under ``state_dict``, timm's own come with a ``config.json``;
- full checkpoints hold ``student``, ``teacher``, ``optimizer``, ``epoch``, ``args`` and ``dino_loss``; both networks
  have a ``backbone.`` and a projector ``head.mlp``, ``head.last_layer``, the student's names also ``module.`` in front.
  Its own evaluations take the teacher, the moving average;
- the backbone may be torchvision's ResNet-50, whose names are timm's;
- linear classifiers are files of their own: ``linear.weight`` under ``state_dict``. They read the class tokens of
  several blocks (four for S) or class token and average (B), no model here has such a head;
- exact GELU, LayerNorm epsilon 1e-6, ImageNet's mean and std; 6 and 12 heads for S and B;
- its own code resizes position embeddings bicubically without antialiasing, by a factor to which 0.1 of a patch is
  added, and starts linear classifiers with a normal of std 0.01.
"""

from __future__ import annotations

from toprung.checkpoints.dialects import Target, Translation
from toprung.checkpoints.dialects._selfdistillation import (
    TABLE,
    has_patch_projector,
    has_projector,
    translate_backbone,
)
from toprung.checkpoints.dialects._vit import has_moco_positions, is_plain_vit
from toprung.checkpoints.files import WeightsFile

__all__ = ["NAME", "TABLE", "recognise", "translate"]

NAME = "DINO"

_LINEAR = {"linear.weight", "linear.bias"}


def recognise(file: WeightsFile) -> bool:
    """Recognise a teacher with its projector, a bare headless ViT, or a linear classifier alone."""
    names = file.tensors.keys()
    if has_projector(names):
        return not has_patch_projector(names, file.entries)
    if names <= _LINEAR and "linear.weight" in names:
        return True
    bare = not file.wrapper and not file.config and file.path.suffix != ".safetensors"
    return bare and is_plain_vit(names) and not has_moco_positions(file.tensors["pos_embed"])


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Keep the backbone."""
    if "linear.weight" in file.tensors:
        return _refused(file)
    kind = "teacher" if has_projector(file.tensors) else "backbone"
    return translate_backbone(file.tensors, NAME, kind)


def _refused(file: WeightsFile) -> Translation:
    width = file.tensors["linear.weight"].shape[-1]
    return Translation(
        {},
        dropped=tuple((name, "linear classifier for features of several blocks") for name in file.tensors),
        trained_for="a linear classifier on frozen DINO features",
        unfit=(
            f"it holds a linear classifier for {width} features (DINO joins those of several tokens or blocks) and no "
            "network; give the backbone's file, dino_*_pretrain.pth."
        ),
    )
