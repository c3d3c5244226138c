"""Load weights into a model with an exact account, or refuse."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from toprung.checkpoints.dialects import Dialect, Translation, all_dialects
from toprung.checkpoints.files import read_state
from toprung.checkpoints.report import LoadReport
from toprung.errors import WeightsMismatch


def load_weights(model: nn.Module, path: Path | str) -> LoadReport:
    """Copy a weights file into ``model`` in place; nothing of the model changes when it is refused.

    A head for another number of classes is dropped and the model's own head stays as it is. Every tensor of the
    backbone must get a value, and no backbone tensor of the file may be left over.

    Args:
        model: a timm model; parameters may be on ``meta``, then they become the file's tensors (memory-mapped).
        path: a safetensors or torch file.

    Raises:
        WeightsError: the file cannot be read safely.
        WeightsMismatch: the file does not fit, or its values are not finite.
    """
    file = Path(path)
    state = read_state(file)
    own = dict(model.state_dict())
    dialect = _recognise(file, state, own)
    translation = dialect.translate(state, own.keys())
    head = head_names(model)
    usable, dropped, wrong = _sort_out(translation.state, own, head)
    dropped = [*translation.dropped, *dropped]
    missing = [name for name in own if name not in usable and name not in head and not _is_counter(name)]
    wrong += [f"{name} has no place in the model" for name in translation.leftover]
    if wrong or missing:
        raise WeightsMismatch(_refusal(file, dialect.NAME, own, usable, missing, wrong))
    _check_epsilon(file, model, translation)
    usable = {name: tensor.to(own[name].dtype) for name, tensor in usable.items()}  # half-precision files too
    _check_finite(file, usable)
    model.load_state_dict(usable, strict=False, assign=_on_meta(model))
    left = tuple(name for name in own if name not in usable)
    return LoadReport(
        source=str(file),
        dialect=dialect.NAME,
        loaded=tuple(usable),
        dropped=tuple(dropped),
        missing=left,
        matched=_share(model, head, usable),
        assumptions=translation.assumptions,
        preprocessing=dict(translation.preprocessing),
    )


def head_names(model: nn.Module) -> set[str]:
    """Return the names of the classifier's tensors, as timm's ``default_cfg['classifier']`` tells them."""
    config = getattr(model, "pretrained_cfg", None) or {}
    heads = config.get("classifier") or ()
    prefixes = tuple(f"{name}." for name in ((heads,) if isinstance(heads, str) else heads))
    return {name for name in model.state_dict() if prefixes and name.startswith(prefixes)}


def _recognise(file: Path, state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> Dialect:
    candidates = [d for d in all_dialects() if d.recognise(state.keys(), own.keys())]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        named = " and ".join(d.NAME for d in candidates)
        raise WeightsMismatch(f"{file} could be written in more than one way ({named}); it is not loaded.")
    matching = len(set(state) & set(own))
    raise WeightsMismatch(
        f"{file} does not fit the model: of its {len(state)} tensors {matching} have the names of the model's "
        f"{len(own)}. The file starts with {', '.join(list(state)[:3])}; the model with "
        f"{', '.join(list(own)[:3])}. Give --model the architecture that the file was made for."
    )


def _sort_out(
    state: Mapping[str, Tensor], own: Mapping[str, Tensor], head: set[str]
) -> tuple[dict[str, Tensor], list[tuple[str, str]], list[str]]:
    """Return tensors that fit, names dropped with reasons, and descriptions of those that do not fit."""
    usable: dict[str, Tensor] = {}
    dropped: list[tuple[str, str]] = []
    wrong: list[str] = []
    for name, tensor in state.items():
        if name not in own:
            wrong.append(f"{name} {tuple(tensor.shape)} has no place in the model")
        elif not _same_kind(name, tensor, own[name]):
            wrong.append(f"{name} is {tensor.dtype} in the file and {own[name].dtype} in the model")
        elif tensor.shape == own[name].shape:
            usable[name] = tensor
        elif name in head:
            dropped.append((name, _other_head(tensor, own[name])))
        else:
            wrong.append(f"{name} is {tuple(tensor.shape)} in the file and {tuple(own[name].shape)} in the model")
    if not head <= usable.keys():  # a head is kept whole or not at all
        for name in [name for name in usable if name in head]:
            dropped.append((name, "the head's other tensors do not fit or are missing"))
            del usable[name]
    return usable, dropped, wrong


def _refusal(
    file: Path,
    dialect: str,
    own: Mapping[str, Tensor],
    usable: Mapping[str, Tensor],
    missing: list[str],
    wrong: list[str],
) -> str:
    examples = [*wrong[:3], *(f"{name} gets no value" for name in missing[:3])][:4]
    return (
        f"{file} (names as in {dialect}) does not fit the model: {len(usable)} of the model's {len(own)} tensors "
        f"fit, {len(missing)} get no value, {len(wrong)} of the file have no place. "
        f"First: {'; '.join(examples)}. Give --model the architecture that the file was made for."
    )


def _check_epsilon(file: Path, model: nn.Module, translation: Translation) -> None:
    """Refuse a model whose BatchNorm divides by other numbers: same shapes, slightly wrong answers everywhere."""
    wanted = translation.batch_norm_eps
    found = {module.eps for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)}
    if wanted is not None and found - {wanted}:
        raise WeightsMismatch(
            f"{file} was trained with a BatchNorm epsilon of {wanted}, the model has {', '.join(map(str, found))}: it "
            "would run and answer worse. Give --model the architecture that the file was made for, such as one of "
            "timm's names with tf_ in front."
        )


def _check_finite(file: Path, state: Mapping[str, Tensor]) -> None:
    for name, tensor in state.items():
        if tensor.is_floating_point() and not _is_finite(tensor):
            raise WeightsMismatch(f"{file} is damaged: {name} holds NaN or infinite values; fetch it again.")


def _is_finite(tensor: Tensor) -> bool:
    """Say whether all values are finite. A sum tells at the speed of memory; only an overflowing one needs a look."""
    wide = torch.float64 if tensor.dtype == torch.float64 else torch.float32
    return bool(torch.isfinite(tensor.sum(dtype=wide))) or bool(torch.isfinite(tensor).all())


def _share(model: nn.Module, head: set[str], usable: Mapping[str, Tensor]) -> float:
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters() if name not in head}
    return sum(size for name, size in sizes.items() if name in usable) / max(sum(sizes.values()), 1)


def _other_head(tensor: Tensor, own: Tensor) -> str:
    if tensor.ndim and tensor.shape[0] != own.shape[0]:
        return f"head for {tensor.shape[0]} classes, the model has {own.shape[0]}"
    return f"head of shape {tuple(tensor.shape)}, the model's is {tuple(own.shape)}"


def _same_kind(name: str, tensor: Tensor, own: Tensor) -> bool:
    return _is_counter(name) or tensor.is_floating_point() == own.is_floating_point()


def _is_counter(name: str) -> bool:
    # BatchNorm's step counter: old files lack it, and no result depends on it
    return name.endswith("num_batches_tracked")


def _on_meta(model: nn.Module) -> bool:
    return any(parameter.is_meta for parameter in model.parameters())
