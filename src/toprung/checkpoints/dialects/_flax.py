"""What the dialects of Flax's npz files share: the axes of kernels, and the names of layers."""

from __future__ import annotations

from torch import Tensor

Rule = tuple[str | tuple[str, ...], str]


def turned(name: str, tensor: Tensor) -> Tensor:
    """Return a Flax tensor with PyTorch's axes."""
    place, _, leaf = name.rpartition("/")
    part = place.rpartition("/")[2]
    if part in ("query", "key", "value"):
        return tensor.flatten(1).T if leaf == "kernel" else tensor.flatten()
    if part == "out" and leaf == "kernel":
        return tensor.flatten(0, 1).T
    if leaf == "kernel" and tensor.ndim == 4:
        return tensor.permute(3, 2, 0, 1)
    return tensor.T if leaf == "kernel" and tensor.ndim == 2 else tensor


def dense(theirs: str | tuple[str, ...], ours: str) -> list[Rule]:
    """Return the rules for a layer with a kernel; several of theirs are joined in ours."""
    if isinstance(theirs, str):
        return [(f"{theirs}/kernel", f"{ours}.weight"), (f"{theirs}/bias", f"{ours}.bias")]
    return [
        (tuple(f"{part}/kernel" for part in theirs), f"{ours}.weight"),
        (tuple(f"{part}/bias" for part in theirs), f"{ours}.bias"),
    ]


def norm(theirs: str, ours: str) -> list[Rule]:
    """Return the rules for a norm."""
    return [(f"{theirs}/scale", f"{ours}.weight"), (f"{theirs}/bias", f"{ours}.bias")]
