"""Check the tensors that a file gave: each a plain array of the file's own numbers."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from toprung.checkpoints.formats.showing import shown
from toprung.errors import WeightsError

State = dict[str, Tensor]

_LARGE = 1 << 26  # bytes that a tensor may claim without holding them
_EXPANSION = 16


def checked_tensors(file: Path, tensors: State, size: int) -> State:
    """Return the tensors without gradients and classes of their own.

    Args:
        file: for the message.
        tensors: by name.
        size: bytes of the file or files.

    Raises:
        WeightsError: sparse, quantised, nested or empty (``meta``) tensors, or more numbers than the file can hold.
    """
    held: dict[int, int] = {}
    for name, tensor in tensors.items():
        _refuse_odd(file, name, tensor)
        storage = tensor.untyped_storage()
        held[storage.data_ptr()] = max(storage.nbytes(), held.get(storage.data_ptr(), 0))
    if sum(held.values()) > _EXPANSION * size + _LARGE:
        raise WeightsError(
            f"{file} has {size:,} bytes and claims tensors of {sum(held.values()):,}; it is damaged or hostile."
        )
    return {name: tensor.detach().as_subclass(Tensor) for name, tensor in tensors.items()}


def _refuse_odd(file: Path, name: str, tensor: Tensor) -> None:
    if tensor.is_nested or tensor.layout != torch.strided:
        raise WeightsError(f"{file}: {shown(name)} is a sparse tensor; fetch or save the weights as dense ones.")
    if tensor.is_quantized:
        raise WeightsError(
            f"{file}: {shown(name)} is quantised ({_kind(tensor)}); fetch the weights as they were before quantisation."
        )
    if tensor.device.type != "cpu":
        raise WeightsError(
            f"{file}: {shown(name)} has a shape and no values (device {tensor.device}); the model was saved "
            "before it was filled, fetch another file."
        )
    claimed = tensor.numel() * tensor.element_size()
    if claimed > _LARGE and claimed > _EXPANSION * tensor.untyped_storage().nbytes():
        raise WeightsError(
            f"{file}: {shown(name)} of shape {tuple(tensor.shape)} claims {claimed:,} bytes and the file holds "
            f"{tensor.untyped_storage().nbytes():,} of them; it is damaged or hostile."
        )


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
