"""Following memory against torch's own tracker, and against what autograd says it saves."""

from __future__ import annotations

import timm
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._tools.mem_tracker import MemTracker

from toprung.training.live_memory import ExactAllocator, LiveMemory
from toprung.training.trial_step import without_values


def test_a_view_counts_once_and_a_freed_tensor_no_more() -> None:
    with LiveMemory(ExactAllocator()) as live:
        whole = torch.zeros(1000)
        part = whole[:10].view(2, 5)
        assert live.now == 4000
        del whole
        assert live.now == 4000  # the view holds it
        del part
        assert live.now == 0
    assert live.peak == 4000


def test_the_exact_allocator_rounds_up_to_blocks() -> None:
    allocator = ExactAllocator(512)
    give_back = allocator.allocate(513)
    allocator.allocate(1)()
    assert allocator.peak == 1024 + 512
    give_back()
    allocator.allocate(512)
    assert allocator.peak == 1536


def _step(model: nn.Module, images: torch.Tensor, optimizer: torch.optim.Optimizer) -> None:
    model(images).logsumexp(-1).sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def test_the_peak_is_that_of_torchs_own_tracker() -> None:
    made = timm.create_model("test_vit")
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = without_values(made)
        optimizer = torch.optim.AdamW(model.parameters())
        images = torch.empty(4, 3, 160, 160)
        live = LiveMemory(ExactAllocator())
        for tensor in [*model.parameters(), *model.buffers(), images]:
            live.add(tensor)
        with live:
            for _ in range(2):
                _step(model, images, optimizer)
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = without_values(made)
        optimizer = torch.optim.AdamW(model.parameters())
        images = torch.empty(4, 3, 160, 160)
        tracker = MemTracker()
        tracker.track_external(model, optimizer, images)
        with tracker:
            _step(model, images, optimizer)
            tracker.reset_mod_stats()
            _step(model, images, optimizer)
    torchs = tracker.get_tracker_snapshot("peak")[torch.device("cpu")]["Total"]
    assert abs(live.peak / torchs - 1) < 0.01


def test_the_forward_pass_leaves_what_autograd_saves() -> None:
    model = timm.create_model("test_vit").train()
    images = torch.randn(4, 3, 160, 160)
    own = {tensor.untyped_storage().data_ptr() for tensor in [*model.parameters(), *model.buffers(), images]}
    saved: dict[int, int] = {}
    kept = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            saved[storage.data_ptr()] = storage.nbytes()
            kept.append(storage)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = model(images).sum()
    del loss
    kept.clear()
    with FakeTensorMode(allow_non_fake_inputs=True), LiveMemory(ExactAllocator()) as live:
        empty = without_values(model)
        pictures = torch.empty(4, 3, 160, 160)
        before = live.now
        loss = empty(pictures).sum()
        left = live.now - before
        del loss
    assert abs(left / sum(saved.values()) - 1) < 0.01
