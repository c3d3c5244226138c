"""A model that takes over conventions answers as one built with them."""

import copy
from functools import partial

import pytest
import timm
import torch
from timm.layers import LayerNorm, StdConv2d
from timm.models.resnetv2 import ResNetV2
from torch import nn

from toprung.errors import ModelError
from toprung.models.catalogue import build
from toprung.models.conventions import Conventions, activation_of, apply_conventions, differing

SIZES = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_classes": 3}


def vit(**arguments: object) -> nn.Module:
    return timm.create_model("vit_base_patch16_224", **(SIZES | {"num_heads": 3} | arguments)).eval()


@pytest.mark.parametrize("activation", ["gelu", "gelu_tanh", "quick_gelu"])
@pytest.mark.parametrize("before", ["gelu", "gelu_tanh", "quick_gelu"])
def test_activations_are_timms(before: str, activation: str) -> None:
    peer, model = vit(act_layer=activation), vit(act_layer=before)
    model.load_state_dict(peer.state_dict())
    apply_conventions(model, Conventions(activation=activation))  # type: ignore[arg-type]
    pictures = torch.randn(2, 3, 32, 32)
    assert torch.equal(model(pictures), peer(pictures))
    assert differing(model, Conventions(activation=activation)) == Conventions()  # type: ignore[arg-type]


def test_the_number_of_heads_is_timms() -> None:
    peer, model = vit(num_heads=6), vit(num_heads=3)
    model.load_state_dict(peer.state_dict())
    assert differing(model, Conventions(num_heads=6)) == Conventions(num_heads=6)
    apply_conventions(model, Conventions(num_heads=6))
    pictures = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(model(pictures), peer(pictures))


def test_heads_that_do_not_divide_the_width_change_nothing() -> None:
    model = vit()
    before = copy.deepcopy(model)
    with pytest.raises(ModelError, match="7 heads do not divide the model's width 48"):
        apply_conventions(model, Conventions(num_heads=7, activation="quick_gelu"))
    pictures = torch.randn(1, 3, 32, 32)
    assert torch.equal(model(pictures), before(pictures))


def test_epsilons_are_timms() -> None:
    def norm(width: int, **_: object) -> nn.Module:
        return LayerNorm(width, eps=0.1)

    peer, model = vit(norm_layer=norm), vit()
    model.load_state_dict(peer.state_dict())
    apply_conventions(model, Conventions(norm_eps=0.1))
    pictures = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(model(pictures), peer(pictures))


def test_the_epsilon_of_standardised_convolutions_is_timms() -> None:
    def bit(eps: float) -> nn.Module:
        conv = partial(StdConv2d, eps=eps)
        return ResNetV2(layers=[1, 1], channels=(128, 128), stem_chs=32, conv_layer=conv, num_classes=3).eval()

    peer, model = bit(1e-3), bit(1e-8)
    model.load_state_dict(peer.state_dict())
    apply_conventions(model, Conventions(std_conv_eps=1e-3))
    pictures = torch.randn(2, 3, 32, 32)
    assert torch.equal(model(pictures), peer(pictures))
    assert differing(model, Conventions(std_conv_eps=1e-3)) == Conventions()


def test_the_catalogue_builds_by_conventions() -> None:
    model = build("test_vit", 3, {"conventions": {"activation": "quick_gelu", "norm_eps": 0.01}})
    assert {activation_of(module) for module in model.modules() if activation_of(module)} == {"quick_gelu"}
    assert {module.eps for module in model.modules() if isinstance(module, nn.LayerNorm)} == {0.01}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"activation": "swish"}, "activation 'swish' is not known"),
        ({"colour": 3}, "unknown conventions colour"),
        ({"norm_eps": -1}, "norm_eps = -1"),
        ({"num_heads": 2.5}, "num_heads = 2.5"),
        ({"num_heads": True}, "num_heads = True"),
    ],
)
def test_values_from_a_card_are_checked(values: dict[str, object], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        Conventions.from_json(values)


def test_to_json_and_back() -> None:
    conventions = Conventions(activation="gelu_tanh", num_heads=12)
    assert Conventions.from_json(conventions.to_json()) == conventions
