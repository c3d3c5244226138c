"""What a refused file's user reads: the dialect seen, the counts, the first names, and the remedy."""

from __future__ import annotations

from torch import nn

from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.fitting import fitting_models
from toprung.checkpoints.plan import Plan
from toprung.checkpoints.recognise import Recognised

_SHOWN = 3


def misfit(file: WeightsFile, found: Recognised, plan: Plan, model: nn.Module) -> str:
    """Return the message for a file whose names are understood and whose tensors do not fit."""
    if plan.translation.unfit:
        return f"{file.path} (names as in {found.dialect.NAME}) is not for this model: {plan.translation.unfit}"
    if plan.other_padding and not (plan.lacking or plan.wrong):
        theirs = "as TensorFlow does" if plan.translation.same_padding else "evenly"
        return (
            f"{file.path} was trained with convolutions that pad {theirs}, the model pads otherwise: it would run and "
            f"answer worse. {_remedy(found, plan, model)}"
        )
    examples = [*plan.wrong[:_SHOWN], *(f"{name} gets no value" for name in plan.lacking[:_SHOWN])][: _SHOWN + 1]
    return (
        f"{file.path} (names as in {found.dialect.NAME}) does not fit the model: {len(plan.usable)} of the model's "
        f"{plan.total} tensors fit, {len(plan.lacking)} get no value, {len(plan.wrong)} of the file have no place. "
        f"First: {'; '.join(examples)}. {_remedy(found, plan, model)}"
    )


def strange_names(file: WeightsFile, model: nn.Module) -> str:
    """Return the message for a file whose names no dialect knows."""
    own = model.state_dict()
    matching = len(set(file.tensors) & set(own))
    return (
        f"{file.path} does not fit the model: of its {len(file.tensors)} tensors {matching} have the names of the "
        f"model's {len(own)}, and no other project's names that toprung knows. The file starts with "
        f"{', '.join(list(file.tensors)[:_SHOWN])}; the model with {', '.join(list(own)[:_SHOWN])}. "
        "Give --model the architecture that the file was made for; `toprung inspect` may propose one by shapes."
    )


def _remedy(found: Recognised, plan: Plan, model: nn.Module) -> str:
    if "fc_norm.weight" in plan.translation.state and "norm.weight" in plan.lacking:
        return "The file pools by average: build the model with global_pool='avg' (--set model.global_pool=avg)."
    fits = fitting_models(found, limit=2)
    if not fits:
        return "Give --model the architecture that the file was made for."
    return f"This file is {fits[0].name}; use --model {fits[0].name}{_with(fits[0].arguments)}."


def _with(arguments: object) -> str:
    return f" with {arguments}" if arguments else ""
