"""Load weights into a model with an exact account, or refuse."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from toprung.checkpoints.adapting import target_of
from toprung.checkpoints.adapting.heads import HeadChoice, begin_head, described, head_prefixes
from toprung.checkpoints.adapting.patches import PatchResize
from toprung.checkpoints.files import WeightsFile, read_weights
from toprung.checkpoints.plan import AS_USUAL, LoadOptions, Plan, plan_load
from toprung.checkpoints.recognise import Recognised, recognise
from toprung.checkpoints.refusal import misfit, strange_names
from toprung.checkpoints.report import LoadReport
from toprung.errors import ModelError, WeightsMismatch
from toprung.models.conventions import Conventions, apply_conventions


def load_weights(
    model: nn.Module,
    path: Path | str,
    *,
    head: HeadChoice = "auto",
    strict: bool = True,
    class_names: tuple[str, ...] = (),
    patch_resize: PatchResize = "refuse",
    dialect: str | None = None,
    accept_proposal: bool = False,
) -> LoadReport:
    """Copy a weights file into ``model`` in place; nothing of the model changes when it is refused.

    Every tensor of the backbone must get a value, and no backbone tensor of the file may be left over. Position
    tables, input channels and the classifier are adapted; the report says how. Where the file's project computes
    with another activation, epsilon or number of heads than the model, the model takes them over
    (``report.adjusted``), so that its features are the project's.

    Args:
        model: a timm model or one of ours; parameters may be on ``meta``, then they become the file's tensors
            (memory-mapped) and those that the file lacks are begun afresh.
        path: a weights file, a Hugging Face model folder, or a run.
        head: ``auto`` keeps the file's classifier where it has as many classes (and the same ones, where both are
            known); ``keep`` refuses a file whose classifier cannot be kept; ``fresh`` leaves it out.
        strict: ``False`` loads what fits of a file that does not; the report is marked ``partial``.
        class_names: names of the model's outputs, where known.
        patch_resize: kernels for patches of another size are a misfit (``refuse``), or resized by FlexiViT's
            pseudo-inverse (``flexi``) or as pictures (``bicubic``).
        dialect: name of the dialect, for files that no tensor tells apart; found by itself when ``None``.
        accept_proposal: names that no dialect knows may be matched by shape and order.

    Returns:
        What was used, dropped, resized, adjusted and left.

    Raises:
        WeightsError: the file cannot be read safely.
        WeightsMismatch: the file does not fit, fits in two ways, or its values are not finite.
    """
    return load_file(
        model,
        read_weights(path),
        options=LoadOptions(head=head, class_names=class_names, patch_resize=patch_resize),
        strict=strict,
        dialect=dialect,
        accept_proposal=accept_proposal,
    )


def load_file(
    model: nn.Module,
    file: WeightsFile,
    *,
    options: LoadOptions = AS_USUAL,
    strict: bool = True,
    dialect: str | None = None,
    accept_proposal: bool = False,
) -> LoadReport:
    """Load a file that was read before; as :func:`load_weights`.

    Raises:
        WeightsMismatch: as :func:`load_weights`.
    """
    found = recognise(file, target_of(model), dialect=dialect, accept_proposal=accept_proposal)
    if found is None:
        raise WeightsMismatch(strange_names(file, model))
    plan = plan_load(model, found, options)
    if strict:
        _refuse_misfit(file, found, plan, model, options)
    usable = {name: tensor.to(_kind(model, name)) for name, tensor in plan.usable.items()}  # half precision too
    _refuse_unhealthy(file, usable)
    _adopt(file, model, plan.adjust)
    on_meta = any(parameter.is_meta for parameter in model.parameters())
    model.load_state_dict(usable, strict=False, assign=on_meta)
    if on_meta:
        _begin_missing(model, plan.missing)
    start = _start_head(model, plan)
    return LoadReport(
        source=str(file.path),
        dialect=found.dialect.NAME,
        loaded=tuple(usable),
        dropped=plan.dropped + (() if plan.fits else tuple((what, "does not fit") for what in plan.wrong)),
        missing=plan.missing,
        matched=plan.matched,
        assumptions=plan.translation.assumptions,
        resized=plan.resized,
        preprocessing=dict(plan.translation.preprocessing),
        adjusted=tuple(f"{name}: {value}" for name, value in plan.adjust.to_json().items()),
        conventions=plan.adjust.to_json(),
        taken=_taken(file, found),
        head_start=start,
        licence=plan.translation.licence,
        partial=not plan.fits,
    )


def head_names(model: nn.Module) -> set[str]:
    """Return the names of the classifier's tensors."""
    prefixes = head_prefixes(model)
    return {name for name in model.state_dict() if prefixes and name.startswith(prefixes)}


def _refuse_misfit(file: WeightsFile, found: Recognised, plan: Plan, model: nn.Module, options: LoadOptions) -> None:
    if not plan.fits:
        raise WeightsMismatch(misfit(file, found, plan, model))
    lost = [name for name in head_names(model) if name in plan.missing]
    if options.head == "keep" and lost:
        why = next((reason for _, reason in plan.dropped if "head" in reason), "the file has none")
        raise WeightsMismatch(f"{file.path}: its classifier was to be kept and cannot be: {why}; leave head='auto'.")


def _refuse_unhealthy(file: WeightsFile, state: Mapping[str, Tensor]) -> None:
    for name, tensor in state.items():
        if tensor.is_floating_point() and not is_finite(tensor):
            raise WeightsMismatch(f"{file.path} is damaged: {name} holds NaN or infinite values; fetch it again.")


def is_finite(tensor: Tensor) -> bool:
    """Say whether all values are finite. A sum tells at the speed of memory; only an overflowing one needs a look."""
    wide = torch.float64 if tensor.dtype == torch.float64 else torch.float32
    return bool(torch.isfinite(tensor.sum(dtype=wide))) or bool(torch.isfinite(tensor).all())


def _adopt(file: WeightsFile, model: nn.Module, adjust: Conventions) -> None:
    try:
        apply_conventions(model, adjust)
    except ModelError as error:
        raise WeightsMismatch(f"{file.path} does not fit the model: {error}") from error


def _begin_missing(model: nn.Module, missing: tuple[str, ...]) -> None:
    """Give modules whose parameters are still on ``meta`` their usual initial values."""
    owners = {name.rpartition(".")[0] for name in missing}
    for name, module in model.named_modules():
        if name in owners and any(p.is_meta for p in module.parameters(recurse=False)):
            if not callable(getattr(module, "reset_parameters", None)):
                raise WeightsMismatch(f"the weights leave {name} without a value, and it cannot begin afresh.")
            module.to_empty(device="cpu", recurse=False)
            module.reset_parameters()


def _start_head(model: nn.Module, plan: Plan) -> str:
    start = plan.translation.head_start
    fresh = [name for name in head_names(model) if name in plan.missing]
    if start is None or not fresh:
        return ""
    begin_head(model, start)
    return described(start)


def _kind(model: nn.Module, name: str) -> torch.dtype:
    owner, _, leaf = name.rpartition(".")
    tensor = getattr(model.get_submodule(owner), leaf)
    assert isinstance(tensor, Tensor)
    return tensor.dtype


def _taken(file: WeightsFile, found: Recognised) -> str:
    place = ".".join(part for part in (file.wrapper, found.prefix[:-1]) if part)
    if not place:
        return ""
    left = f"; not taken: {', '.join(file.alternatives)}" if file.alternatives else ""
    return f"the tensors under {place!r}{left}"
