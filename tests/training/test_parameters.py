import pytest
import timm
import torch
from timm.optim import param_groups_weight_decay
from torch import nn

from toprung.training.parameters import parameter_groups

MODELS = ["test_vit", "test_resnet", "test_efficientnet", "test_convnext", "vit_tiny_patch16_224"]


def make(name: str) -> nn.Module:
    extra = {"img_size": 32} if name == "vit_tiny_patch16_224" else {}
    return timm.create_model(name, num_classes=5, **extra)


def names_by_decay(model: nn.Module, groups: list[dict]) -> dict[bool, set[str]]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for group in groups:
        found[group["weight_decay"] > 0].update(names[id(parameter)] for parameter in group["params"])
    return found


@pytest.mark.parametrize("name", MODELS)
def test_decay_equals_timms(name: str) -> None:
    model = make(name)
    spared = model.no_weight_decay() if hasattr(model, "no_weight_decay") else ()
    expected = param_groups_weight_decay(model, weight_decay=0.1, no_weight_decay_list=spared)
    ours = parameter_groups(model, lr=1.0, weight_decay=0.1)
    assert names_by_decay(model, ours) == names_by_decay(model, expected)


@pytest.mark.parametrize("name", MODELS)
def test_every_trainable_parameter_stands_in_one_group(name: str) -> None:
    model = make(name)
    frozen = next(iter(model.parameters()))
    frozen.requires_grad_(False)
    groups = parameter_groups(model, lr=1e-3, weight_decay=0.05, head_lr_scale=4.0)
    listed = [id(parameter) for group in groups for parameter in group["params"]]
    assert len(listed) == len(set(listed))
    assert set(listed) == {id(p) for p in model.parameters() if p is not frozen}
    assert all(group["params"] for group in groups)


def test_norms_biases_and_tokens_do_not_decay() -> None:
    model = make("vit_tiny_patch16_224")
    free = names_by_decay(model, parameter_groups(model, lr=1.0, weight_decay=0.1))[False]
    assert {"cls_token", "pos_embed", "norm.weight", "norm.bias", "head.bias", "blocks.0.attn.qkv.bias"} <= free
    assert not {"head.weight", "patch_embed.proj.weight", "blocks.0.attn.qkv.weight"} & free


@pytest.mark.parametrize(("name", "head"), [("test_vit", "head"), ("test_resnet", "fc"), ("test_convnext", "head.fc")])
def test_only_the_head_learns_faster(name: str, head: str) -> None:
    model = make(name)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    rates = {
        names[id(parameter)]: group["lr"]
        for group in parameter_groups(model, lr=0.01, weight_decay=0.1, head_lr_scale=5.0)
        for parameter in group["params"]
    }
    heads = {f"{head}.weight", f"{head}.bias"}
    assert {n for n, rate in rates.items() if rate == pytest.approx(0.05)} == heads
    assert all(rate == 0.01 for n, rate in rates.items() if n not in heads)


def test_no_decay_means_no_decayed_group() -> None:
    groups = parameter_groups(make("test_vit"), lr=1.0, weight_decay=0.0)
    assert {group["weight_decay"] for group in groups} == {0.0}


def test_group_names_are_distinct_and_tell_the_group() -> None:
    groups = parameter_groups(make("test_vit"), lr=1.0, weight_decay=0.1, head_lr_scale=2.0)
    assert [(g["name"], g["lr"], g["weight_decay"]) for g in groups] == [
        ("backbone, no decay", 1.0, 0.0),
        ("backbone", 1.0, 0.1),
        ("head, no decay", 2.0, 0.0),
        ("head", 2.0, 0.1),
    ]


def test_a_module_that_timm_does_not_know_is_all_backbone() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    groups = parameter_groups(model, lr=0.1, weight_decay=0.2, head_lr_scale=9.0)
    assert {group["lr"] for group in groups} == {0.1}
    assert names_by_decay(model, groups)[True] == {"0.weight"}


def test_the_order_is_the_same_in_every_process() -> None:
    # an optimiser's state is saved by position
    first, second = (parameter_groups(make("test_vit"), lr=1.0, weight_decay=0.1) for _ in range(2))
    assert [[p.shape for p in group["params"]] for group in first] == [
        [p.shape for p in group["params"]] for group in second
    ]


def test_an_optimiser_takes_the_groups_and_moves_the_head_by_its_own_rate() -> None:
    model = make("test_vit")
    optimizer = torch.optim.SGD(parameter_groups(model, lr=0.5, weight_decay=0.0, head_lr_scale=3.0))
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    for name, parameter in model.named_parameters():
        step = 1.5 if name.startswith("head.") else 0.5
        torch.testing.assert_close(parameter.detach(), before[name] - step, msg=name)
