"""timm's own names; also torchvision's ResNet, ResNeXt and Wide ResNet, whose names timm kept.

Facts:

- timm's training script saves ``state_dict`` and, with ``--model-ema``, ``state_dict_ema``; on the hub the tensors lie
  bare in ``model.safetensors`` beside a ``config.json`` that names the architecture, its preprocessing and classes;
- ``jx_vit_*`` files (timm 0.3 to 0.4) are bare; the ``_in21k`` ones have ``pre_logits.fc``, a layer with tanh that
  later versions left out, and a head of 21,843 classes that is zero in some of them;
- the original ``jx_vit_*`` and all augreg weights expect mean = std = 0.5;
- bubbliiiing's ViT has exactly these names too and was trained with the tanh form of GELU. No tensor tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toprung.checkpoints.dialects import HALF, Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.fingerprints import known_architectures

NAME = "timm"

_VIT = {"patch_embed.proj.weight", "blocks.0.attn.qkv.weight", "blocks.0.mlp.fc1.weight"}


def recognise(file: WeightsFile) -> bool:
    """Recognise the large tensors of one of timm's architectures, a ViT of any size, or a config that says so."""
    if "pretrained_cfg" in file.config or file.tensors.keys() >= _VIT:
        return True
    return bool(known_architectures(file.tensors))


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Return the tensors as they are, with what ``config.json`` says of them."""
    state = {name: tensor for name, tensor in file.tensors.items() if not name.startswith("pre_logits.")}
    dropped = [
        (name, "timm's representation layer before the old ImageNet-21k head; no current model has it")
        for name in file.tensors
        if name not in state
    ]
    if dropped:  # that head reads what pre_logits makes
        dropped += [(name, "head on top of pre_logits") for name in state if name.startswith("head.")]
        state = {name: tensor for name, tensor in state.items() if not name.startswith("head.")}
    published = file.config.get("pretrained_cfg")
    published = published if isinstance(published, Mapping) else {}
    preprocessing = {key: tuple(published[key]) for key in ("mean", "std") if _is_triple(published.get(key))}
    assumptions = []
    if any(name.startswith("blocks.0.attn.") for name in state):
        assumptions.append("activation, norm epsilon and number of heads are the model's own: no tensor tells them")
    old = bool(dropped) or file.path.name.startswith("jx_vit")
    if old and not preprocessing:
        preprocessing = dict(HALF)
        assumptions.append("mean and std 0.5, as all jx_vit files")
    labels = published.get("label_names") or file.config.get("label_names") or ()
    return Translation(
        state,
        dropped=tuple(dropped),
        assumptions=tuple(assumptions),
        preprocessing=preprocessing,
        trained_for="ImageNet-21k" if "in21k" in file.path.name else "",
        licence=str(published.get("license") or ""),
        classes=tuple(labels) if _are_names(labels) else (),
        architecture=str(file.config.get("architecture") or ""),
    )


def _is_triple(values: Any) -> bool:
    return isinstance(values, list | tuple) and len(values) == 3 and all(isinstance(v, int | float) for v in values)


def _are_names(values: Any) -> bool:
    return isinstance(values, list | tuple) and all(isinstance(value, str) for value in values)
