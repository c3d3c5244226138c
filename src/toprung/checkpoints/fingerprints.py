"""Which of timm's architectures have these tensors: an index of all of them that was made beforehand.

Building every model to compare takes minutes; the index (``scripts/make_fingerprints.py``) takes milliseconds. It
holds a hash of the names and shapes of each architecture's matrices and kernels, without heads, positions and tokens,
which change with the number of classes and the image size.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import json
import re
from collections.abc import Collection, Mapping

from torch import Tensor

_LEFT_OUT = re.compile(
    r"(^|\.)(pos_embed\w*|relative_position\w*|rel_pos\w*|rel_pos_\w|\w+_token|rope\.\w+|attn_mask|"
    r"head|head_dist|head_drop|classifier|last_linear|fc|attn_pool|pre_logits|relative_coords_table|"
    r"positional_encoding_gaussian_matrix)(\.|$)"
)


def fingerprint(shapes: Mapping[str, Collection[int]]) -> str:
    """Return a hash of names and shapes, equal for two models that differ only in head, image size and vectors."""
    lines = sorted(f"{name}:{tuple(shape)}" for name, shape in shapes.items() if _counts(name, shape))
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=6).hexdigest() if lines else ""


def shape_print(shapes: Mapping[str, Collection[int]]) -> str:
    """Return a hash of the shapes alone, for files whose names nobody knows."""
    lines = sorted(str(tuple(shape)) for name, shape in shapes.items() if _counts(name, shape))
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=6).hexdigest() if lines else ""


def known_architectures(tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Return timm's architectures that have these matrices and kernels under these names, () for none."""
    return _index()["names"].get(fingerprint({name: tensor.shape for name, tensor in tensors.items()}), ())


def similar_architectures(tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Return timm's architectures whose matrices and kernels have these shapes, whatever they are called."""
    return _index()["shapes"].get(shape_print({name: tensor.shape for name, tensor in tensors.items()}), ())


@functools.cache
def _index() -> dict[str, dict[str, tuple[str, ...]]]:
    text = (importlib.resources.files(__package__) / "fingerprints.json").read_text(encoding="utf-8")
    return {kind: {mark: tuple(names) for mark, names in table.items()} for kind, table in json.loads(text).items()}


def _counts(name: str, shape: Collection[int]) -> bool:
    return len(shape) >= 2 and not _LEFT_OUT.search(name)
