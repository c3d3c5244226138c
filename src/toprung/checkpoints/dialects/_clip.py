"""What the dialects of CLIP's picture towers share: what stands beside the tower, and whose file it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toprung.checkpoints.files import WeightsFile

PROJECTION = "projection into the space shared with texts; the model's head is another"
AS_HEAD = "the projection into the space shared with texts is the head, as in timm's files"
TRAINED_FOR = "contrastive pretraining on pictures and texts; no classifier"

_NUMBERS = ("input_resolution", "context_length", "vocab_size")  # OpenAI's files only
_TEXT_PARTS = ("transformer.", "token_embedding.", "ln_final.", "text.", "text_decoder.")
_TEXT = ("positional_embedding", "text_projection", "text_projection.weight", "text_projection.bias", "attn_mask",
         "cls_emb")  # fmt: skip
_LOSS = {
    "logit_scale": "temperature of the contrastive loss",
    "logit_bias": "bias of the contrastive loss",
}


def reason_outside(name: str) -> str:
    """Say why a tensor beside the picture tower is not needed, "" where it is not known."""
    if name in _NUMBERS:
        return "a number, not a weight"
    if name in _LOSS:
        return _LOSS[name]
    return "text tower" if name in _TEXT or name.startswith(_TEXT_PARTS) else ""


def is_openai(file: WeightsFile) -> bool:
    """Say whether the numbers that only OpenAI's files hold stand beside the towers."""
    return any(name in file.tensors or name in file.entries for name in _NUMBERS)


def vision_settings(file: WeightsFile) -> Mapping[str, Any] | None:
    """Return what ``open_clip_config.json`` says of the picture tower, ``None`` where it does not lie beside."""
    model = file.config.get("model_cfg")
    vision = model.get("vision_cfg") if isinstance(model, Mapping) else None
    return vision if isinstance(vision, Mapping) else None


def preprocessing(file: WeightsFile) -> dict[str, Any]:
    """Return mean and std of ``open_clip_config.json``, nothing where it does not say them."""
    settings = file.config.get("preprocess_cfg")
    if not isinstance(settings, Mapping):
        return {}
    return {key: tuple(settings[key]) for key in ("mean", "std") if _is_triple(settings.get(key))}


def _is_triple(values: Any) -> bool:
    return isinstance(values, list | tuple) and len(values) == 3 and all(isinstance(v, int | float) for v in values)
