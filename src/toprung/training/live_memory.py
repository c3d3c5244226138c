"""Follow every tensor's memory through a computation: how much is alive at once.

Works on tensors without values too, so that the memory of a step can be told before any of it is taken.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter


class Allocator(Protocol):
    """Gives out memory and takes it back; knows how much it held at most."""

    @property
    def peak(self) -> int:
        """The most bytes that were taken from the system at once."""

    def allocate(self, size: int) -> Callable[[], None]:
        """Give out ``size`` bytes, more than 0; what is returned takes them back when called, once."""


class ExactAllocator:
    """Rounds each block up and wastes nothing else.

    Args:
        block: bytes of which each block takes a whole number; torch's CUDA allocator has 512.
    """

    def __init__(self, block: int = 512) -> None:
        self._block = block
        self._now = self.peak = 0

    def allocate(self, size: int) -> Callable[[], None]:
        """As :class:`Allocator`."""
        taken = -(-size // self._block) * self._block
        self._now += taken
        self.peak = max(self.peak, self._now)

        def give_back() -> None:
            self._now -= taken

        return give_back


class LiveMemory(TorchDispatchMode):
    """While it is entered, every new storage counts from the operation that makes it until nothing refers to it.

    Torch dispatches operations here below autograd, so what the forward pass saves for the backward pass counts for
    as long as it is saved, views count once, and recomputed activations count when they are recomputed.

    Args:
        allocator: is asked for each storage; more than one process's memory needs more than one.

    Attributes:
        now: bytes alive.
        peak: the most bytes alive at once.
    """

    def __init__(self, allocator: Allocator) -> None:
        super().__init__()
        self._allocator = allocator
        self._known: dict[int, weakref.ref[torch.UntypedStorage]] = {}
        self.now = self.peak = 0

    def add(self, tensor: Tensor) -> None:
        """Count a tensor's storage, unless it is counted already."""
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._known or size == 0:
            return
        give_back = self._allocator.allocate(size)
        self.now += size
        self.peak = max(self.peak, self.now)

        def forget(_: object) -> None:
            del self._known[key]
            self.now -= size
            give_back()

        self._known[key] = weakref.ref(storage, forget)

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run one operation and count what it returns."""
        result = func(*args, **(kwargs or {}))
        for leaf in tree_iter(result):
            if isinstance(leaf, Tensor):
                self.add(leaf)
        return result
