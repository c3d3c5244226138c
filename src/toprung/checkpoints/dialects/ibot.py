"""iBOT (Zhou et al. 2022, arXiv 2111.07832), files of bytedance/ibot.

Facts:

- published backbones (``checkpoint_teacher.pth``, ``checkpoint_student.pth``) lie under ``state_dict`` with the names
  of timm's ViT and no head, and nothing stands beside; a student's has ``masked_embed``, the token for hidden patches;
- full checkpoints are like DINO's (``student``, ``teacher`` with ``backbone.`` and a projector ``head.``,
  ``optimizer``, ``epoch``, ``args``), with ``ibot_loss``. The projector answers for patches too, with
  ``head.last_layer2`` or ``head.mlp2``; where class and patches share one, only ``ibot_loss`` tells it from DINO's. The
  network is the same either way;
- the code has a layer scale ``gamma_1``, ``gamma_2``, which its published weights do not use;
- exact GELU, LayerNorm epsilon 1e-6, ImageNet's mean and std; 6, 12 and 16 heads for S, B and L (patches of 16);
- its own code resizes position embeddings as DINO's: bicubically without antialiasing, by a factor to which 0.1 of a
  patch is added.
"""

from __future__ import annotations

from toprung.checkpoints.dialects import Target, Translation
from toprung.checkpoints.dialects._selfdistillation import (
    TABLE,
    has_patch_projector,
    has_projector,
    translate_backbone,
)
from toprung.checkpoints.dialects._vit import LAYER_SCALE, MASK, has_moco_positions, is_plain_vit, slots_of
from toprung.checkpoints.files import WeightsFile

__all__ = ["NAME", "TABLE", "recognise", "translate"]

NAME = "iBOT"

_OTHERS = {"arch", "pytorch-lightning_version", "hyper_parameters"}  # what timm and Lightning put beside state_dict


def recognise(file: WeightsFile) -> bool:
    """Recognise a teacher whose projector answers for patches, a mask token, or a headless ViT in ``state_dict``."""
    names = file.tensors.keys()
    if has_projector(names):
        return has_patch_projector(names, file.entries)
    if not is_plain_vit(names, LAYER_SCALE, MASK) or slots_of(file.tensors["pos_embed"], 1) != 1:
        return False
    if "masked_embed" in names:
        return True
    alone = file.wrapper == "state_dict" and not _OTHERS & file.entries.keys()
    return alone and not has_moco_positions(file.tensors["pos_embed"])


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Keep the backbone."""
    names = file.tensors.keys()
    kind = "teacher" if has_projector(names) else "student" if "masked_embed" in names else "backbone"
    return translate_backbone(file.tensors, NAME, kind)
