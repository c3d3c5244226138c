"""The ViT of bubbliiiing/classification-pytorch.

Facts:

- names and shapes are exactly those of timm's ViT-B/16 with a head, and the tensors lie bare; what differs is the GELU,
  which is the tanh approximation. No tensor tells, so such files are recognised by the names that its code gives them:
  ``vit-patch_16.pth`` is its pretrained model, ``ep100-loss0.010-val_loss0.020.pth``, ``best_epoch_weights.pth`` and
  ``last_epoch_weights.pth`` its training's. A renamed one must be named by hand (``dialect="bubbliiiing ViT"``);
- LayerNorm epsilon 1e-6, 12 heads, ImageNet's mean and std;
- ``pos_embed`` always has the 14 × 14 grid of 224 pixels; its forward pass resizes it for other pictures, bicubically
  without antialiasing.
"""

from __future__ import annotations

import re

from toprung.checkpoints.dialects import IMAGENET, Target, Translation
from toprung.checkpoints.dialects._vit import HEAD, is_plain_vit, slots_of
from toprung.checkpoints.files import WeightsFile
from toprung.models.conventions import Conventions

NAME = "bubbliiiing ViT"

_FILE = re.compile(
    r"vit-patch_16\.pth|(best|last)_epoch_weights\.pth|ep\d{3,}-loss\d+\.\d{3}-val_loss\d+\.\d{3}\.pth", re.ASCII
)


def recognise(file: WeightsFile) -> bool:
    """Recognise a bare ViT with a head in a file that is called as its code calls them."""
    plain = not file.wrapper and not file.config and is_plain_vit(file.tensors, HEAD)
    return plain and "head.weight" in file.tensors and _FILE.fullmatch(file.path.name) is not None


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Return the tensors as they are."""
    named = _FILE.fullmatch(file.path.name) is not None
    return Translation(
        dict(file.tensors),
        assumptions=(
            "GELU in its tanh form, " + ("told by the file's name alone" if named else "as the dialect named says"),
            "heads: the model's own number (12 in ViT-B/16); no tensor tells it",
        ),
        preprocessing=dict(IMAGENET),
        conventions=Conventions(activation="gelu_tanh", norm_eps=1e-6),
        antialias=False,
        position_slots=slots_of(file.tensors.get("pos_embed"), 1),
        trained_for="classes of bubbliiiing's classification-pytorch",
    )
