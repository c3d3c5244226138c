import pytest
import timm
import torch
from timm.optim import param_groups_layer_decay
from torch import nn

from toprung.errors import ModelError
from toprung.training.layers import layer_numbers
from toprung.training.parameters import parameter_groups


def rates(model: nn.Module, **options: float) -> dict[str, float]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = parameter_groups(model, lr=1.0, weight_decay=0.05, **options)
    return {names[id(parameter)]: group["lr"] for group in groups for parameter in group["params"]}


def empty(name: str, **options: object) -> nn.Module:
    with torch.device("meta"):
        return timm.create_model(name, **options)


@pytest.mark.parametrize(("name", "depth"), [("vit_base_patch16_224", 12), ("vit_large_patch16_224", 24)])
def test_a_vits_layers_are_numbered_as_maes_code_numbers_them(name: str, depth: int) -> None:
    # L = depth + 1: patches, token and positions are 0, block i is i + 1, the last norm and the head are L
    model = empty(name, num_classes=1000, global_pool="avg")
    numbers = layer_numbers(model)
    assert {numbers[one] for one in ("cls_token", "pos_embed", "patch_embed.proj.weight")} == {0}
    for block in range(depth):
        assert {number for one, number in numbers.items() if one.startswith(f"blocks.{block}.")} == {block + 1}
    last = {one: number for one, number in numbers.items() if number == depth + 1}
    assert set(last) == {"fc_norm.weight", "fc_norm.bias", "head.weight", "head.bias"}
    assert set(numbers) == {one for one, _ in model.named_parameters()}


def test_rates_fall_by_the_decay_from_layer_to_layer() -> None:
    model = empty("vit_base_patch16_224", num_classes=10)
    found = rates(model, layer_decay=0.65)
    assert found["head.weight"] == found["norm.bias"] == 1.0
    assert found["blocks.11.mlp.fc1.weight"] == pytest.approx(0.65)
    assert found["blocks.0.attn.qkv.bias"] == pytest.approx(0.65**12)
    assert found["cls_token"] == found["patch_embed.proj.bias"] == pytest.approx(0.65**13)


def test_relative_positions_that_all_blocks_share_belong_to_the_last_layer_as_in_beit() -> None:
    model = empty("beit_base_patch16_224", num_classes=10)
    numbers = layer_numbers(model)
    assert numbers["blocks.3.attn.relative_position_bias_table"] == 4
    shared = timm.models.beit.Beit(depth=2, embed_dim=32, num_heads=2, use_shared_rel_pos_bias=True, num_classes=3)
    assert layer_numbers(shared)["rel_pos_bias.relative_position_bias_table"] == 3


@pytest.mark.parametrize(
    "name", ["resnet18", "convnext_tiny", "efficientnet_b0", "swin_tiny_patch4_window7_224", "test_resnet"]
)
def test_other_architectures_decay_as_timm_has_it(name: str) -> None:
    model = empty(name, num_classes=10)
    names = {id(parameter): one for one, parameter in model.named_parameters()}
    expected = {
        names[id(parameter)]: group["lr_scale"]
        for group in param_groups_layer_decay(model, layer_decay=0.8)
        for parameter in group["params"]
    }
    assert rates(model, layer_decay=0.8) == pytest.approx(expected)


def test_no_decay_of_layers_is_one_rate() -> None:
    assert set(rates(empty("vit_tiny_patch16_224"), layer_decay=1.0).values()) == {1.0}


def test_the_heads_own_scale_comes_on_top() -> None:
    found = rates(empty("vit_tiny_patch16_224", num_classes=10), layer_decay=0.5, head_lr_scale=3.0)
    assert (found["head.weight"], found["norm.weight"], found["blocks.11.norm1.weight"]) == (3.0, 1.0, 0.5)


def test_what_stands_fresh_in_front_of_a_backbone_learns_as_the_head_does() -> None:
    model = timm.create_model("test_vit", num_classes=3)
    model.resizer = nn.Conv2d(3, 3, 1)
    found = rates(model, layer_decay=0.5, head_lr_scale=3.0)
    assert found["resizer.weight"] == found["head.weight"] == 3.0


def test_one_dimension_and_the_models_own_list_do_not_decay_in_any_layer() -> None:
    model = empty("vit_tiny_patch16_224")
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for group in parameter_groups(model, lr=1.0, weight_decay=0.05, layer_decay=0.75):
        for parameter in group["params"]:
            spared = parameter.ndim == 1 or names[id(parameter)] in ("cls_token", "pos_embed")
            assert group["weight_decay"] == (0.0 if spared else 0.05), names[id(parameter)]


def test_a_model_that_does_not_tell_its_layers_is_refused() -> None:
    with pytest.raises(ModelError, match=r"optimisation\.layer_decay=1"):
        parameter_groups(nn.Linear(2, 2), lr=1.0, weight_decay=0.0, layer_decay=0.9)
