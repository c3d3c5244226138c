"""OpenCLIP models whose vision tower is one of timm's (SigLIP, EVA-02, ConvNeXt).

Facts: the tower hangs under ``visual.trunk.`` with timm's names; ``visual.head.`` leads into the space shared with
texts; the text tower hangs under ``text.``. Activation and norms are those of timm's model of that name.
"""

from __future__ import annotations

from typing import Any

from toprung.checkpoints.dialects import Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import under

NAME = "OpenCLIP around timm"

_PREFIX = "visual.trunk."
_OTHERS = {
    "visual.head.": "projection into the space shared with texts",
    "text.": "text tower",
    "transformer.": "text tower",
    "token_embedding.": "text tower",
    "positional_embedding": "text tower",
    "ln_final.": "text tower",
    "text_projection": "text tower",
    "attn_mask": "text tower",
    "logit_scale": "temperature of the contrastive loss",
    "logit_bias": "bias of the contrastive loss",
}


def recognise(file: WeightsFile) -> bool:
    """Recognise a trunk under ``visual.``."""
    return any(name.startswith(_PREFIX) for name in file.tensors)


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Keep the trunk."""
    dropped, leftover = [], []
    for name in file.tensors:
        if not name.startswith(_PREFIX):
            reason = next((why for start, why in _OTHERS.items() if name.startswith(start)), "")
            if reason:
                dropped.append((name, reason))
            else:
                leftover.append(name)
    return Translation(
        under(file.tensors, _PREFIX),
        dropped=tuple(dropped),
        leftover=tuple(leftover),
        assumptions=("activation, norm epsilon and number of heads are the model's own: no tensor tells them",),
        preprocessing=_preprocessing(file),
        trained_for="contrastive pretraining on pictures and texts; no classifier",
    )


def _preprocessing(file: WeightsFile) -> dict[str, Any]:
    """Return what ``open_clip_config.json`` says; mean and std differ between these models."""
    settings = file.config.get("preprocess_cfg")
    if not isinstance(settings, dict):
        return {}
    return {key: tuple(settings[key]) for key in ("mean", "std") if isinstance(settings.get(key), list)}
