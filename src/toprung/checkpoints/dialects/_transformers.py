"""What the dialects of Hugging Face transformers have in common: prefixes, two generations of names, ``config.json``.

``save_pretrained`` and the hub's files keep the names that a class had when it was added to the library. Version 5
renamed many modules in memory only; ``torch.save(model.state_dict())`` writes those newer names. ``config.json`` says
how the network computes; without it the library's defaults are assumed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from toprung.checkpoints.dialects import Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Activation, Conventions

Rules = list[tuple[str | Sequence[str], str]]

VIT_ENDS: Rules = [
    ("embeddings.cls_token", "cls_token"),
    ("embeddings.position_embeddings", "pos_embed"),
    ("embeddings.patch_embeddings.projection", "patch_embed.proj"),
    ("layernorm", "norm"),
    ("classifier", "head"),
]
_DISK = "encoder.layer.{i}."
_MEMORY = "layers.{i}."
VIT_BLOCKS: Rules = [
    ([f"{_DISK}attention.attention.{part}" for part in ("query", "key", "value")], "blocks.{i}.attn.qkv"),
    (f"{_DISK}attention.output.dense", "blocks.{i}.attn.proj"),
    (f"{_DISK}layernorm_before", "blocks.{i}.norm1"),
    (f"{_DISK}layernorm_after", "blocks.{i}.norm2"),
    (f"{_DISK}intermediate.dense", "blocks.{i}.mlp.fc1"),
    (f"{_DISK}output.dense", "blocks.{i}.mlp.fc2"),
]
VIT_BLOCKS_IN_MEMORY: Rules = [
    ([f"{_MEMORY}attention.{part}_proj" for part in "qkv"], "blocks.{i}.attn.qkv"),
    (f"{_MEMORY}attention.o_proj", "blocks.{i}.attn.proj"),
    (f"{_MEMORY}layernorm_before", "blocks.{i}.norm1"),
    (f"{_MEMORY}layernorm_after", "blocks.{i}.norm2"),
    (f"{_MEMORY}mlp.fc1", "blocks.{i}.mlp.fc1"),
    (f"{_MEMORY}mlp.fc2", "blocks.{i}.mlp.fc2"),
]
# CLIP's and SigLIP's encoder has one generation of names
TOWER_BLOCKS: Rules = [
    ([f"encoder.layers.{{i}}.self_attn.{part}_proj" for part in "qkv"], "blocks.{i}.attn.qkv"),
    ("encoder.layers.{i}.self_attn.out_proj", "blocks.{i}.attn.proj"),
    ("encoder.layers.{i}.layer_norm1", "blocks.{i}.norm1"),
    ("encoder.layers.{i}.layer_norm2", "blocks.{i}.norm2"),
    ("encoder.layers.{i}.mlp.fc1", "blocks.{i}.mlp.fc1"),
    ("encoder.layers.{i}.mlp.fc2", "blocks.{i}.mlp.fc2"),
]

POOLER = ("pooler.dense.", "pooler that the library puts on the class token; no classifier needs it")
MASK_TOKEN = ("embeddings.mask_token", "mask token of pretraining")

_FORMS: dict[str, Activation] = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "quick_gelu": "quick_gelu",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
}
_NO_NAME = re.compile(r"LABEL_\d+")


def prefix_of(names: Iterable[str], *prefixes: str) -> str:
    """Return the one of ``prefixes`` that names start with; "" for a bare network."""
    return next((prefix for prefix in prefixes if any(name.startswith(prefix) for name in names)), "")


def inner_names(file: WeightsFile, *prefixes: str) -> set[str]:
    """Return the file's names without the attribute that the network hangs under in its task's class."""
    prefix = prefix_of(file.tensors, *prefixes)
    return {name.removeprefix(prefix) for name in file.tensors}


def is_type(file: WeightsFile, *types: str) -> bool:
    """Say whether ``config.json``, where there is one, names one of these model types."""
    return file.config.get("model_type") in (None, *types)


@dataclass(frozen=True)
class Names:
    """A file's tensors under timm's names; ``dropped`` and ``leftover`` have the file's."""

    state: dict[str, Tensor]
    dropped: tuple[tuple[str, str], ...]
    leftover: tuple[str, ...]


def rename(tensors: Mapping[str, Tensor], prefix: str, spare: Sequence[tuple[str, str]], *tables: NameTable) -> Names:
    """Rename by the table of the generation that the file is of.

    Args:
        tensors: of the file.
        prefix: attribute of the network in its task's class, taken off.
        spare: beginnings of names (without the prefix) that are not needed, each with the reason.
        tables: one for each generation; the one that knows most names is used.
    """
    theirs: dict[str, str] = {}
    dropped = []
    twice = []
    for name in sorted(tensors, key=lambda name: not name.startswith(prefix)):  # the network's own names first
        short = name.removeprefix(prefix)
        reason = next((reason for start, reason in spare if short.startswith(start)), "")
        if reason:
            dropped.append((name, reason))
        elif short in theirs:
            twice.append(name)
        else:
            theirs[short] = name
    state = {short: tensors[name] for short, name in theirs.items()}
    renamed = min((table.rename(state) for table in tables), key=lambda result: len(result.leftover))
    return Names(renamed.state, tuple(dropped), (*(theirs[short] for short in renamed.leftover), *twice))


@dataclass(frozen=True)
class Computing:
    """How the network computes: as ``config.json`` says, else as the library does by default."""

    conventions: Conventions
    assumptions: tuple[str, ...]
    unfit: str


def computing(config: Mapping[str, Any], activation: str | None, norm_eps: float) -> Computing:
    """Read what no tensor tells out of a network's configuration.

    Args:
        config: ``config.json``, or the part of it that is about the vision tower; may be empty.
        activation: the library's default; ``None`` where the MLP is a gated one and the entry says nothing.
        norm_eps: the library's default.
    """
    name = config.get("hidden_act", activation) if activation is not None else None
    epsilon = config.get("layer_norm_eps", norm_eps)
    heads = config.get("num_attention_heads")
    unfit = ""
    if name is not None and name not in _FORMS:
        unfit = f"its MLPs compute with {name!r}, for which no model here is built"
    if not isinstance(epsilon, int | float) or not epsilon > 0:
        epsilon, unfit = norm_eps, f"its config.json has layer_norm_eps = {epsilon!r}"
    known = isinstance(heads, int) and not isinstance(heads, bool) and heads > 0
    assumptions = []
    if not config:
        form = f", {activation}" if activation else ""
        assumptions.append(f"no config.json: the library's defaults, LayerNorm epsilon {norm_eps:g}{form}")
    if not known:
        assumptions.append("heads: the model's own number; no tensor tells it")
    conventions = Conventions(
        activation=_FORMS.get(str(name)), norm_eps=float(epsilon), num_heads=heads if known else None
    )
    return Computing(conventions, tuple(assumptions), unfit)


def grid_of(config: Mapping[str, Any], table: Tensor | None, slots: int) -> tuple[int, int] | None:
    """Return the grid of patches by the configuration, if it agrees with the table of positions.

    Args:
        config: as for :func:`computing`.
        table: positions ``(1, slots + patches, width)``.
        slots: leading rows for tokens.
    """
    image, patch = _pair(config.get("image_size")), _pair(config.get("patch_size"))
    if image is None or patch is None or table is None or table.ndim != 3:
        return None
    grid = (image[0] // patch[0], image[1] // patch[1])
    return grid if grid[0] * grid[1] == table.shape[1] - slots else None


def _pair(value: Any) -> tuple[int, int] | None:
    values = list(value) if isinstance(value, list | tuple) else [value, value]
    if len(values) == 2 and all(isinstance(v, int) and not isinstance(v, bool) and v > 0 for v in values):
        return int(values[0]), int(values[1])
    return None


def classes_of(config: Mapping[str, Any], classifier: Tensor | None) -> tuple[str, ...]:
    """Return the class names in order of the outputs, ``()`` where the library made them up (LABEL_0, ...)."""
    labels = config.get("id2label")
    if classifier is None or not isinstance(labels, Mapping) or len(labels) != classifier.shape[0]:
        return ()
    names = tuple(labels.get(str(index), labels.get(index)) for index in range(len(labels)))
    if len(set(names)) < len(names) or not all(
        isinstance(name, str) and not _NO_NAME.fullmatch(name) for name in names
    ):
        return ()
    return tuple(str(name) for name in names)


def bias_arguments(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return what ``create_model`` must be told of a network whose queries, keys and values have no biases."""
    return {} if "blocks.0.attn.qkv.bias" in state or "blocks.0.attn.q_bias" in state else {"qkv_bias": False}


def reshape(state: dict[str, Tensor], name: str, change: Callable[[Tensor], Tensor]) -> None:
    """Change a tensor of the state in place, where it is there."""
    if name in state:
        state[name] = change(state[name])


def own_shape(target: Target | None, name: str) -> tuple[int, ...] | None:
    """Return the shape of a tensor of the model, ``None`` where it has none or there is no model."""
    shape = target.shapes.get(name) if target is not None else None
    return tuple(shape) if shape is not None else None


def plain_vit(names: Names, how: Computing, config: Mapping[str, Any], slots: int) -> Translation:
    """Return what the ViTs of the library have in common; the dialect replaces what is its own.

    Args:
        names: tensors under timm's names.
        how: as :func:`computing` gives it.
        config: ``config.json``.
        slots: leading rows of the positions that belong to tokens.
    """
    return Translation(
        names.state,
        dropped=names.dropped,
        leftover=names.leftover,
        assumptions=how.assumptions,
        conventions=how.conventions,
        antialias=False,
        position_slots=slots,
        grid=grid_of(config, names.state.get("pos_embed"), slots),
        arguments=bias_arguments(names.state),
        classes=classes_of(config, names.state.get("head.weight")),
        unfit=how.unfit,
    )
