"""The classifier: kept, put in another order of classes, or begun afresh."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from toprung.checkpoints.adapting import Workpiece
from toprung.checkpoints.dialects import HeadStart

HeadChoice = Literal["auto", "keep", "fresh"]

_USUAL = ("head", "head_dist", "head.fc", "fc", "classifier", "last_linear", "heads.head")


def head_prefixes(model: nn.Module) -> tuple[str, ...]:
    """Return the names of the classifier's modules, each with a dot behind.

    timm's models tell them in ``pretrained_cfg``; of another model it is a linear layer with a usual name.
    """
    config = getattr(model, "pretrained_cfg", None) or {}
    named = config.get("classifier") or ()
    names = (named,) if isinstance(named, str) else tuple(named)
    if not names:
        modules = dict(model.named_modules())
        names = tuple(name for name in _USUAL if isinstance(modules.get(name), nn.Linear | nn.Conv2d))
    return tuple(f"{name}." for name in names)


def adapt_head(work: Workpiece, choice: HeadChoice, class_names: Sequence[str]) -> None:
    """Keep the file's classifier where it answers the model's question, else take it out.

    ``auto`` keeps it when it has as many classes as the model and, where the names of both are known, the same names;
    rows are put in the model's order. A classifier of zeros was never trained and is taken out.
    """
    prefixes = head_prefixes(work.target.module)
    if not prefixes:
        return
    mine = [name for name in work.state if name.startswith(prefixes)]
    own = {name: shape for name, shape in work.target.shapes.items() if name.startswith(prefixes)}
    reason = _why_not(work, mine, own, choice, class_names)
    if reason:
        for name in mine:
            work.drop(name, reason)
    elif mine and class_names and work.translation.classes and tuple(class_names) != work.translation.classes:
        order = [work.translation.classes.index(name) for name in class_names]
        for name in mine:
            work.put(name, work.state[name][order], "rows put in the order of the model's classes")


def _why_not(
    work: Workpiece,
    mine: Sequence[str],
    own: dict[str, torch.Size],
    choice: HeadChoice,
    class_names: Sequence[str],
) -> str:
    """Return the reason why the file's head is not used, "" when it is."""
    if not mine:
        return ""
    if choice == "fresh":
        return "a fresh head was asked for"
    if not own:
        return "head; the model has none"
    weights = [work.state[name] for name in mine if work.state[name].ndim > 1]
    if weights and not any(_any_value(weight) for weight in weights):
        return "head of zeros, which was never trained"
    for name in mine:
        if name not in own or work.state[name].shape != own[name]:
            return _other_head(work.state[name], own.get(name))
    if own.keys() - set(mine):
        return "part of a head; the model's has other tensors"
    classes = work.translation.classes
    if class_names and classes and set(class_names) != set(classes):
        return f"head for {len(classes)} other classes ({classes[0]}, ...)"
    return ""


def _any_value(weight: Tensor) -> bool:
    return bool(torch.count_nonzero(weight.flatten()[:1])) or bool(torch.count_nonzero(weight))


def _other_head(tensor: Tensor, own: torch.Size | None) -> str:
    if own is not None and tensor.ndim and len(own) and tensor.shape[0] != own[0]:
        return f"head for {tensor.shape[0]} classes, the model has {own[0]}"
    return f"head of shape {tuple(tensor.shape)}, the model's is {tuple(own) if own is not None else 'built otherwise'}"


def begin_head(model: nn.Module, start: HeadStart) -> None:
    """Give the model's classifier the values with which a dialect's own fine-tuning begins, in place."""
    prefixes = head_prefixes(model)
    for name, module in model.named_modules():
        if f"{name}.".startswith(prefixes) and isinstance(module, nn.Linear) and not module.weight.is_meta:
            with torch.no_grad():
                if start.kind == "trunc_normal":
                    nn.init.trunc_normal_(module.weight, std=start.std)
                elif start.kind == "normal":
                    nn.init.normal_(module.weight, std=start.std)
                else:
                    nn.init.zeros_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


def described(start: HeadStart) -> str:
    """Say in a few words how a fresh head begins."""
    if start.kind == "zeros":
        return f"zeros, as {start.source}"
    kind = "truncated normal" if start.kind == "trunc_normal" else "normal"
    return f"{kind} of std {start.std:g}, as {start.source}"
