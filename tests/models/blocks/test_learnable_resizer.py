from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from toprung.errors import ModelError
from toprung.models.blocks.learnable_resizer import LearnableResizer, ResizerShape, attach_resizer
from toprung.models.catalogue import build, build_empty
from toprung.training.averaging import WeightAverage
from toprung.training.hardware import HardwarePlan
from toprung.training.processes import make_accelerator

sides = st.integers(5, 40)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def resizing(name: str = "test_vit", out: int = 32) -> nn.Module:
    arguments: dict[str, Any] = {"img_size": out} if "vit" in name else {}
    torch.manual_seed(0)
    return build(name, 3, arguments | {"resizer": ResizerShape((out, out)).to_json()})


def disturb(resizer: nn.Module) -> None:
    with torch.no_grad():
        resizer.conv4.weight.add_(drawn(*resizer.conv4.weight.shape, seed=3))


def convolution_weights(model: nn.Module) -> int:
    return sum(module.weight.numel() for module in model.modules() if isinstance(module, nn.Conv2d))


def test_the_papers_usual_resizer_has_11872_convolution_weights_and_no_bias() -> None:
    """Table of the paper: n = 16, r = 1."""
    resizer = LearnableResizer(ResizerShape((224, 224)))
    assert convolution_weights(resizer) == 11_872
    norms = 2 * 16 * 4
    assert sum(parameter.numel() for parameter in resizer.parameters()) == 11_872 + norms


@given(n=st.integers(1, 20), r=st.integers(1, 4))
def test_convolution_weights_follow_the_papers_layers(n: int, r: int) -> None:
    layers = 7 * 7 * 3 * n + n * n + r * 2 * 9 * n * n + 9 * n * n + 7 * 7 * n * 3
    assert convolution_weights(LearnableResizer(ResizerShape((8, 8), channels=n, blocks=r))) == layers


@settings(max_examples=20)
@given(height=sides, width=sides, out=st.tuples(sides, sides), training=st.booleans())
def test_it_starts_as_bilinear_resizing_bit_for_bit(
    height: int, width: int, out: tuple[int, int], training: bool
) -> None:
    pictures = drawn(2, 3, height, width)
    resizer = LearnableResizer(ResizerShape(out)).train(training)
    assert torch.equal(resizer(pictures), F.interpolate(pictures, out, mode="bilinear", align_corners=False))


def test_every_part_learns_from_the_second_step_on() -> None:
    resizer = LearnableResizer(ResizerShape((12, 12)))
    before = {name: parameter.detach().clone() for name, parameter in resizer.named_parameters()}
    optimizer = torch.optim.AdamW(resizer.parameters(), 1e-2, weight_decay=0.0)
    pictures, wanted = drawn(4, 3, 24, 24), drawn(4, 3, 12, 12, seed=1)
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        loss = F.mse_loss(resizer(pictures), wanted)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    assert [name for name, parameter in resizer.named_parameters() if torch.equal(parameter, before[name])] == []


@pytest.mark.parametrize("name", ["test_vit", "test_resnet", "test_convnext", "test_efficientnet"])
def test_the_backbone_keeps_its_names_and_its_first_answers(name: str) -> None:
    arguments: dict[str, Any] = {"img_size": 32} if "vit" in name else {}
    plain = timm.create_model(name, num_classes=3, **arguments).eval()
    model = copy.deepcopy(plain)
    attach_resizer(model, ResizerShape((32, 32)))
    model.eval()
    added = model.state_dict().keys() - plain.state_dict().keys()
    assert added
    assert all(key.startswith("resizer.") for key in added)
    assert plain.state_dict().keys() <= model.state_dict().keys()
    pictures = drawn(2, 3, 70, 50)
    small = F.interpolate(pictures, (32, 32), mode="bilinear", align_corners=False)
    assert torch.equal(model(pictures), plain(small))
    assert torch.equal(model.forward_features(pictures), plain.forward_features(small))
    assert torch.equal(model.forward_head(model.forward_features(pictures)), model(pictures))
    assert model.get_classifier() is not None
    assert set(getattr(model, "no_weight_decay", set)()) == set(getattr(plain, "no_weight_decay", set)())
    assert str(model.group_matcher()) == str(plain.group_matcher())


def test_copies_have_resizers_of_their_own() -> None:
    model = resizing().eval()
    pictures = drawn(2, 3, 48, 48)
    before = model(pictures)
    average = WeightAverage(model, 0.9)
    disturb(average.module.resizer)
    assert torch.equal(model(pictures), before)
    assert not torch.allclose(average.module(pictures), before, atol=1e-4)
    average.update(model)


def test_it_computes_under_accelerates_autocast(tmp_path: Path) -> None:
    model = resizing()
    kinds: list[torch.dtype] = []
    model.resizer.conv1.register_forward_hook(lambda module, inputs, output: kinds.append(output.dtype))
    plan = HardwarePlan("cpu", "bf16", False, ())
    prepared = make_accelerator(plan, "", tmp_path).prepare(model)
    assert prepared(drawn(2, 3, 48, 48)).dtype == torch.float32
    copied = WeightAverage(model, 0.9).module
    disturb(copied.resizer)
    assert not torch.allclose(copied(drawn(2, 3, 48, 48)), model.eval()(drawn(2, 3, 48, 48)), atol=1e-3)
    assert kinds
    assert set(kinds) == {torch.bfloat16}


def test_it_compiles_in_one_piece_and_checkpoints_its_gradients() -> None:
    model = resizing().eval()
    disturb(model.resizer)
    pictures = drawn(2, 3, 48, 48)
    wanted = model(pictures)
    assert torch.allclose(torch.compile(model, backend="eager", fullgraph=True)(pictures), wanted, atol=1e-5)
    model(pictures).sum().backward()
    gradient = model.resizer.conv1.weight.grad.clone()
    model.zero_grad()
    model.set_grad_checkpointing()
    model(pictures).sum().backward()
    assert torch.allclose(model.resizer.conv1.weight.grad, gradient, atol=1e-6)


def test_a_model_with_one_is_built_empty_and_filled() -> None:
    model = resizing()
    disturb(model.resizer)
    empty = build_empty("test_vit", 3, {"img_size": 32, "resizer": ResizerShape((32, 32)).to_json()})
    assert all(parameter.is_meta for parameter in empty.parameters())
    empty.load_state_dict(model.state_dict(), assign=True)
    pictures = drawn(2, 3, 48, 48)
    assert torch.equal(empty.eval()(pictures), model.eval()(pictures))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"out": [8, 8], "channels": 16}, "is described by blocks, channels, out, not channels, out"),
        ({"out": [8], "channels": 16, "blocks": 1}, r"out = \[8\] is not allowed"),
        ({"out": [8, 1 << 20], "channels": 16, "blocks": 1}, "out = .* is not allowed"),
        ({"out": [8, 8], "channels": 1 << 20, "blocks": 1}, "channels = 1048576 is not allowed"),
        ({"out": [8, 8], "channels": 16, "blocks": True}, "blocks = True is not allowed"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        ResizerShape.from_json(values)


def test_a_model_without_features_or_with_a_resizer_is_refused() -> None:
    with pytest.raises(ModelError, match="cannot be put before Linear"):
        attach_resizer(nn.Linear(3, 3), ResizerShape((8, 8)))
    with pytest.raises(ModelError, match="cannot be put before VisionTransformer"):
        attach_resizer(resizing(), ResizerShape((32, 32)))
