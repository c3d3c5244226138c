"""What loading a file into a model would do, worked out before anything of the model changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from timm.layers import Conv2dSame
from torch import Tensor, nn

from toprung.checkpoints.adapting import Workpiece, target_of
from toprung.checkpoints.adapting.heads import HeadChoice, adapt_head, head_prefixes
from toprung.checkpoints.adapting.norms import adapt_last_norm, adapt_pooling
from toprung.checkpoints.adapting.patches import PatchResize, adapt_first_layer
from toprung.checkpoints.adapting.positions import adapt_positions
from toprung.checkpoints.adapting.relative import adapt_relative_tables
from toprung.checkpoints.dialects import Translation
from toprung.checkpoints.names import NameTable
from toprung.checkpoints.recognise import Recognised
from toprung.checkpoints.report import Resized
from toprung.models.conventions import Conventions, differing

_STATISTICS = ("running_mean", "running_var")


@dataclass(frozen=True)
class LoadOptions:
    """How a file is fitted to a model.

    Attributes:
        head: ``auto`` keeps the file's classifier where it fits, ``keep`` insists, ``fresh`` leaves it out.
        class_names: of the model, by output; with them a head is only kept for the same classes.
        patch_resize: what to do with kernels for patches of another size.
    """

    head: HeadChoice = "auto"
    class_names: Sequence[str] = ()
    patch_resize: PatchResize = "refuse"


AS_USUAL = LoadOptions()


@dataclass(frozen=True)
class Plan:
    """The outcome of fitting, before it is carried out.

    Attributes:
        translation: as the dialect gave it.
        usable: tensors by the model's names, of the model's shapes.
        dropped: names in the file that are not used, with reasons.
        resized: tensors that were changed.
        missing: names of the model that would keep their initial values.
        lacking: those of them that a backbone cannot do without.
        wrong: what is in the file and has no place in the model, described.
        adjust: conventions that the model must take over.
        matched: share of the backbone's parameters that get a value.
        total: number of the model's tensors.
        other_padding: the model's convolutions pad otherwise than those that the weights were trained with.
    """

    translation: Translation
    usable: dict[str, Tensor]
    dropped: tuple[tuple[str, str], ...]
    resized: tuple[Resized, ...]
    missing: tuple[str, ...]
    lacking: tuple[str, ...]
    wrong: tuple[str, ...]
    adjust: Conventions
    matched: float
    total: int
    other_padding: bool

    @property
    def fits(self) -> bool:
        """Whether nothing is lacking, nothing is left over, and the model computes as the file's project does."""
        return not (self.lacking or self.wrong or self.translation.unfit or self.other_padding)


@dataclass
class _Sorted:
    usable: dict[str, Tensor] = field(default_factory=dict)
    dropped: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def plan_load(model: nn.Module, found: Recognised, options: LoadOptions = AS_USUAL) -> Plan:
    """Work out what loading ``found`` into ``model`` would do.

    Args:
        model: parameters may be on ``meta``; nothing of it changes.
        found: the file and its dialect.
        options: how to fit.
    """
    target = target_of(model)
    translation = found.dialect.translate(found.file, target)
    work = Workpiece(dict(translation.state), target, translation)
    adapt_last_norm(work)
    adapt_pooling(work)
    adapt_first_layer(work, options.patch_resize)
    adapt_positions(work)
    adapt_relative_tables(work)
    adapt_head(work, options.head, options.class_names)
    result = _sort_out(work)
    result.wrong += [f"{name} {_shape(found.file.tensors[name])} has no place in the model"
                     for name in translation.leftover]  # fmt: skip
    head = head_prefixes(model)
    missing = tuple(name for name in target.shapes if name not in result.usable)
    needed = [name for name in missing if not _under(name, head) and name not in work.spare]
    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    lacking = tuple(name for name in needed if not _is_computed(name, parameters))
    theirs = _their_names(found)
    dropped = [
        (theirname, reason)
        for name, reason in work.dropped + result.dropped
        for theirname in _in_file(name, found, translation, theirs)
    ]
    outside = [(name, f"stands outside of {found.prefix[:-1]}") for name in found.outside]
    return Plan(
        translation=translation,
        usable=result.usable,
        dropped=(*((found.prefix + name, why) for name, why in translation.dropped), *dropped, *outside),
        resized=tuple(work.resized),
        missing=tuple(name for name in missing if not _is_computed(name, parameters)),
        lacking=lacking,
        wrong=tuple(result.wrong),
        adjust=differing(model, translation.conventions),
        matched=_share(model, head, result.usable),
        total=len(target.shapes),
        other_padding=_pads_otherwise(model, translation),
    )


def _sort_out(work: Workpiece) -> _Sorted:
    """Tell tensors that fit from those that are not needed and those that have no place."""
    result = _Sorted()
    own = work.target.shapes
    kinds = work.target.module.state_dict()
    for name, tensor in work.state.items():
        if name not in own:
            if _is_counter(name) or _is_made_by_model(name):
                result.dropped.append((name, "computed by the model"))
            else:
                result.wrong.append(f"{name} {_shape(tensor)} has no place in the model")
        elif _is_made_by_model(name):
            result.dropped.append((name, "computed by the model"))
        elif not _is_counter(name) and tensor.is_floating_point() != kinds[name].is_floating_point():
            result.wrong.append(f"{name} is {tensor.dtype} in the file and {kinds[name].dtype} in the model")
        elif tensor.shape == own[name]:
            result.usable[name] = tensor
        elif _is_counter(name):
            result.dropped.append((name, "counter of another shape"))
        else:
            result.wrong.append(f"{name} is {_shape(tensor)} in the file and {tuple(own[name])} in the model")
    return result


def _pads_otherwise(model: nn.Module, translation: Translation) -> bool:
    same = any(isinstance(module, Conv2dSame) for module in model.modules())
    return translation.same_padding is not None and translation.same_padding != same


def _their_names(found: Recognised) -> dict[int, str]:
    return {id(tensor): found.prefix + name for name, tensor in found.file.tensors.items()}


def _in_file(name: str, found: Recognised, translation: Translation, theirs: Mapping[int, str]) -> tuple[str, ...]:
    """Return the file's names of a tensor: the same tensor's, else what the dialect's table says, else timm's."""
    tensor = translation.state.get(name)
    if tensor is not None and id(tensor) in theirs:
        return (theirs[id(tensor)],)
    table = getattr(found.dialect, "TABLE", None)
    names = table.backward(name) if isinstance(table, NameTable) else ()
    in_file = tuple(found.prefix + one for one in names if one in found.file.tensors)
    return in_file or (name,)


def _share(model: nn.Module, head: tuple[str, ...], usable: Mapping[str, Tensor]) -> float:
    sizes = {name: p.numel() for name, p in model.named_parameters() if not _under(name, head)}
    return sum(size for name, size in sizes.items() if name in usable) / max(sum(sizes.values()), 1)


def _under(name: str, prefixes: tuple[str, ...]) -> bool:
    return bool(prefixes) and name.startswith(prefixes)


def _is_counter(name: str) -> bool:
    # BatchNorm's step counter: old files lack it, and no result depends on it
    return name.endswith("num_batches_tracked")


def _is_made_by_model(name: str) -> bool:
    return name.endswith(("relative_position_index", "attn_mask", "relative_coords_table", "position_ids"))


def _is_computed(name: str, parameters: set[str]) -> bool:
    """Say whether a tensor of the model is one that it computes by itself: a buffer that holds no statistics."""
    if _is_counter(name) or _is_made_by_model(name):
        return True
    return name not in parameters and not name.endswith(_STATISTICS)


def _shape(tensor: Tensor | torch.Size) -> str:
    return str(tuple(tensor.shape if isinstance(tensor, Tensor) else tensor))
