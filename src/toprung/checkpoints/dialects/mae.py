"""Masked autoencoders (He et al. 2022, arXiv 2111.06377), files of facebookresearch/mae.

Facts:

- the tensors always lie under ``model`` and have the names of timm's ViT;
- pretraining files hold the encoder with ``norm`` and no head; the ``*_full`` and visualisation files and training
  checkpoints hold the decoder too (``mask_token``, ``decoder_*``). A decoder reconstructs pixels; it is of no use for
  classifying, and the encoder in both kinds of file is used alike;
- ``mae_finetuned_*`` files pool by average: ``fc_norm`` in place of ``norm``, and a head of 1,000 classes;
- linear probes have ``head.0`` (BatchNorm without affine) and ``head.1``;
- exact GELU, LayerNorm epsilon 1e-6, ImageNet's mean and std; heads 12, 16 and 16 for B, L and H (patch 14);
- its own code resizes position embeddings bicubically without antialiasing, and starts a fresh head with a truncated
  normal of std 2e-5 and a fresh ``fc_norm``.
"""

from __future__ import annotations

from toprung.checkpoints.dialects import IMAGENET, HeadStart, Target, Translation
from toprung.checkpoints.dialects._vit import HEAD, has_moco_positions, is_plain_vit
from toprung.checkpoints.files import WeightsFile
from toprung.models.conventions import Conventions

NAME = "MAE"

_HEAD_START = HeadStart("trunc_normal", 2e-5, "MAE's fine-tuning")

_BESIDE = (r"fc_norm\.(weight|bias)", r"head\.[01]\.\w+", "mask_token", r"decoder_.+")


def recognise(file: WeightsFile) -> bool:
    """Recognise timm's ViT names under ``model`` with a decoder, without a head, with fc_norm, or with a probe."""
    names = file.tensors.keys()
    if "toprung" in file.config:  # a pretraining of ours, whose card tells more
        return False
    if not is_plain_vit(names, HEAD, *_BESIDE):
        return False
    if "decoder_embed.weight" in names and "decoder_pred.weight" in names:
        return True
    if file.wrapper != "model" or "mask_token" in names or has_moco_positions(file.tensors["pos_embed"]):
        return False
    headless = not any(name.startswith("head") for name in names)
    return headless or "fc_norm.weight" in names or "head.1.weight" in names


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Keep the encoder; names are timm's already."""
    state = {}
    dropped = []
    for name, tensor in file.tensors.items():
        if name == "mask_token" or name.startswith("decoder_"):
            dropped.append((name, "MAE's decoder, which reconstructs pixels and is not needed to classify"))
        elif name.startswith(("head.0.", "head.1.")):
            dropped.append((name, "linear probe: BatchNorm and a classifier"))
        else:
            state[name] = tensor
    finetuned = "fc_norm.weight" in state
    return Translation(
        state,
        dropped=tuple(dropped),
        assumptions=("heads: the model's own number (12 for B, 16 for L and H); no tensor tells it",),
        preprocessing=dict(IMAGENET),
        conventions=Conventions(activation="gelu", norm_eps=1e-6),
        antialias=False,
        position_slots=1,
        head_start=_HEAD_START,
        trained_for=_trained_for(file, finetuned),
        licence="CC-BY-NC 4.0 for the published files: not for commercial use",
        arguments={"global_pool": "avg"} if finetuned else {},
    )


def _trained_for(file: WeightsFile, finetuned: bool) -> str:
    if finetuned:
        return "MAE pretraining, then fine-tuned to classify"
    if "head.1.weight" in file.tensors:
        return "MAE pretraining, then a linear probe"
    decoder = "with the decoder" if "decoder_embed.weight" in file.tensors else "encoder only"
    return f"MAE pretraining ({decoder}); no classifier"
