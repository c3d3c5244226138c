from __future__ import annotations

import sys
from pathlib import Path

import pytest
import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toprung.checkpoints.adapting.heads import head_prefixes
from toprung.errors import ModelError, RecipeError
from toprung.models.blocks.lora import add_lora, merged_state, plain_parameter_count
from toprung.runs.weights_file import read_weights, write_weights
from toprung.training.averaging import WeightAverage
from toprung.training.freezing import train_mode

TARGETS = ("qkv", "proj", "fc1", "fc2")
SIZE = (32, 32)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def plain() -> nn.Module:
    torch.manual_seed(0)
    return timm.create_model("test_vit", num_classes=3, img_size=32)


def adapted(model: nn.Module, targets: tuple[str, ...] = TARGETS) -> nn.Module:
    add_lora(model, rank=4, alpha=8, targets=targets, trained=("head.",), input_size=SIZE)
    return model


def trained(model: nn.Module, steps: int = 3) -> list[float]:
    pictures, labels = drawn(6, 3, *SIZE), torch.tensor([0, 1, 2, 0, 1, 2])
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 1e-2)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model.train()(pictures), labels)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def test_at_first_the_model_answers_as_before() -> None:
    model, pictures = plain().eval(), drawn(2, 3, *SIZE)
    before = model(pictures)
    assert torch.allclose(adapted(model).eval()(pictures), before, atol=1e-6)


def test_two_matrices_of_the_rank_beside_each_layer_are_trained_and_the_head() -> None:
    model = plain()
    linear = {name: m for name, m in model.named_modules() if isinstance(m, nn.Linear) and name != "head"}
    wanted = sum(4 * (layer.in_features + layer.out_features) for layer in linear.values())
    head, total = sum(p.numel() for p in model.head.parameters()), sum(p.numel() for p in model.parameters())
    adapted(model)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == wanted + head
    assert plain_parameter_count(model) == total
    assert isinstance(model.patch_embed.proj, nn.Conv2d)  # it is called proj too, and is no linear layer


def test_the_saved_model_is_plain_and_answers_as_the_adapted_one(tmp_path: Path) -> None:
    model, fresh, pictures = adapted(plain()), plain().eval(), drawn(4, 3, *SIZE, seed=2)
    losses = trained(model)
    assert losses[-1] < losses[0]
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    write_weights(tmp_path / "model.safetensors", model)
    saved = read_weights(tmp_path / "model.safetensors")
    before = fresh.state_dict()
    assert saved.keys() == before.keys()
    untouched = [
        n for n in saved if not (n.startswith(("head.", "blocks.")) and n.endswith("weight")) and n != "head.bias"
    ]
    untouched += [name for name in saved if "norm" in name]
    assert len(untouched) > 30
    assert all(torch.equal(saved[name], before[name]) for name in untouched)
    changed = [name for name in saved if not torch.equal(saved[name], before[name])]
    assert {name.split(".")[-2] for name in changed} == {*TARGETS, "head"}
    fresh.load_state_dict(saved)
    assert torch.allclose(fresh(pictures), model.eval()(pictures), atol=1e-5)
    after = model.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in state.items())  # saving changed nothing


def test_frozen_parts_are_the_same_bits_after_training() -> None:
    model = adapted(plain())
    frozen = {name: p.detach().clone() for name, p in model.named_parameters() if not p.requires_grad}
    average = WeightAverage(model, 0.9)
    trained(model)
    average.update(model)
    for one in (model, average.module):
        now = dict(one.named_parameters())
        assert all(torch.equal(now[name], tensor) for name, tensor in frozen.items())
    merged = merged_state(average.module)
    assert merged.keys() == plain().state_dict().keys()


def test_frozen_statistics_stay_in_a_model_with_batch_norm() -> None:
    model = nn.Sequential()
    model.fc1, model.norm, model.head = nn.Linear(32, 8), nn.BatchNorm2d(3), nn.Linear(8, 3)
    adapted(model, ("fc1",))
    train_mode(model)
    assert model.training
    model(drawn(4, 3, *SIZE))
    assert torch.equal(model.norm.running_mean, torch.zeros(3))
    assert int(model.norm.num_batches_tracked) == 0


def test_a_model_without_adapters_is_saved_as_it_is() -> None:
    model = plain()
    state = merged_state(model)
    assert state.keys() == model.state_dict().keys()
    assert all(tensor.data_ptr() == model.state_dict()[name].data_ptr() for name, tensor in state.items())


@pytest.mark.parametrize(
    ("name", "targets", "says"),
    [
        ("test_resnet", TARGETS, r"ResNet has no linear layers called qkv, proj, fc1, fc2 .*are called: none"),
        ("test_vit", ("qkv", "q_proj"), r"no linear layers called q_proj .*are called: qkv, proj, fc1, fc2"),
        ("eva02_tiny_patch14_224", ("qkv",), r"Eva computes with the weight of blocks\.0\.attn\.qkv without calling"),
    ],
)
def test_a_model_that_adapters_do_not_fit_is_refused(name: str, targets: tuple[str, ...], says: str) -> None:
    model = timm.create_model(name, num_classes=3)
    size = model.pretrained_cfg["input_size"][1:]
    with pytest.raises(ModelError, match=says):
        add_lora(model, rank=4, alpha=8, targets=targets, trained=head_prefixes(model), input_size=size)


def test_without_peft_one_sentence_tells_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(RecipeError, match=r"needs the package peft .*pip install 'toprung\[lora\]'"):
        adapted(plain())
