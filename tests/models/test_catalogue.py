import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
import timm
import torch
from torch import nn

from toprung.errors import ModelError, WeightsError
from toprung.models.catalogue import (
    build,
    build_empty,
    check_name,
    check_runs,
    evaluating,
    is_convolutional,
    parameter_count,
    takes_img_size,
)

# Swin, SwinV2 and ViTamin compute with their parameters while they are built
TRICKY = ["swin_tiny_patch4_window7_224", "swinv2_cr_tiny_ns_224", "vitamin_small_224"]
TINY = ["test_vit", "test_resnet", "test_efficientnet", "test_convnext", "test_mambaout", "test_nfnet", "test_maxvit"]


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("resnet5", "resnet50"),
        ("ResNet50", "resnet50"),
        ("vit_base_patch16", "vit_base_patch16_"),
        ("efficientnetb0", "efficientnet_b0"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(wrong: str, meant: str) -> None:
    with pytest.raises(ModelError) as error:
        check_name(wrong)
    assert f"no model {wrong!r}" in str(error.value)
    assert meant in str(error.value).partition("Did you mean")[2]


def test_a_name_like_no_other_says_where_the_names_are() -> None:
    with pytest.raises(ModelError, match=r"timm\.list_models\(\)"):
        check_name("zzzz")


def test_a_tag_is_checked_too() -> None:
    check_name("resnet10t.c3_in1k")
    with pytest.raises(
        ModelError, match=r"resnet10t has no weights 'c3_in1', its tags are: c3_in1k.*Did you mean c3_in1k\?"
    ):
        check_name("resnet10t.c3_in1")


@pytest.mark.parametrize("name", TINY)
def test_build_equals_timm(name: str) -> None:
    torch.manual_seed(3)
    ours = build(name, 5, {})
    torch.manual_seed(3)
    timms = timm.create_model(name, num_classes=5)
    for (key, mine), theirs in zip(ours.state_dict().items(), timms.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs), key


def test_arguments_pass_through() -> None:
    vit = build("test_vit", 3, {"img_size": 48, "patch_size": 8, "drop_path_rate": 0.3, "global_pool": "avg"})
    assert vit.patch_embed.proj.weight.shape[-2:] == (8, 8)
    assert vit.patch_embed.num_patches == 36
    assert vit.global_pool == "avg"
    rates = [block.drop_path1.drop_prob for block in vit.blocks if hasattr(block.drop_path1, "drop_prob")]
    assert max(rates) == pytest.approx(0.3)
    resnet = build("test_resnet", 3, {"drop_rate": 0.25, "global_pool": "max"})
    assert resnet.drop_rate == 0.25
    assert resnet.global_pool.pool_type == "max"


@pytest.mark.parametrize(
    ("name", "arguments", "setting"),
    [
        ("test_resnet", {"img_size": 64}, "model.img_size"),
        ("test_resnet", {"patch_size": 4}, "model.patch_size"),
        ("vgg11", {"drop_path_rate": 0.1}, "model.drop_path"),
        ("hrnet_w18_small", {"img_size": 64}, "model.img_size"),
        ("poolformer_s12", {"img_size": 64}, "model.img_size"),
        ("ese_vovnet19b_dw", {"img_size": 64}, "model.img_size"),
    ],
)
def test_an_argument_the_model_does_not_take_is_named_as_the_setting(
    name: str, arguments: Mapping[str, Any], setting: str
) -> None:
    with pytest.raises(ModelError, match=f"{name} takes no .*leave {setting} out"):
        build(name, 3, arguments)


@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
def test_an_impossible_pooling_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match=f"{name} cannot be built with .*'global_pool': 'middle'"):
        build(name, 3, {"global_pool": "middle"})


@pytest.mark.parametrize(
    ("name", "arguments", "size"),
    [
        ("test_vit", {"img_size": 32}, 40),
        ("test_vit", {"img_size": 3}, 3),
        ("test_vit", {"img_size": 32, "patch_size": 1000}, 32),
        ("swin_tiny_patch4_window7_224", {"img_size": 224}, 64),
    ],
)
def test_impossible_sizes_fail_before_training(name: str, arguments: Mapping[str, Any], size: int) -> None:
    with pytest.raises(ModelError, match=f"(does not run on {size} × {size}|cannot be built with)") as error:
        check_runs(build(name, 3, arguments), (3, size, size))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
def test_check_runs_leaves_a_model_that_trains(name: str) -> None:
    model = build(name, 3, {"img_size": 32} if name == "test_vit" else {}).train()
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    check_runs(model, (3, 32, 32))
    assert model.training
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())
    model(torch.randn(2, 3, 32, 32)).sum().backward()


def test_what_layers_keep_from_the_check_does_not_bar_training() -> None:
    class Keeping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 2)
            self.table: torch.Tensor | None = None

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            if self.table is None:
                self.table = torch.ones(3) * 2
            return self.fc(images.mean(dim=(2, 3)) * self.table)

    model = Keeping()
    check_runs(model, (3, 8, 8))
    images = torch.randn(2, 3, 8, 8, requires_grad=True)
    model(images).sum().backward()
    assert images.grad is not None


@pytest.mark.parametrize("name", [*TINY, *TRICKY])
def test_an_empty_model_filled_is_the_model(name: str) -> None:
    torch.manual_seed(0)
    side = 224 if name in TRICKY else 160
    model, empty = build(name, 3, {}).eval(), build_empty(name, 3, {}).eval()
    assert {key: tensor.shape for key, tensor in empty.state_dict().items()} == {
        key: tensor.shape for key, tensor in model.state_dict().items()
    }
    empty.load_state_dict(model.state_dict(), assign=True)
    for (key, found), expected in zip(empty.named_buffers(), model.buffers(), strict=True):
        assert torch.equal(found, expected), key
    images = torch.randn(1, 3, side, side)
    with torch.inference_mode():
        assert torch.equal(empty(images), model(images))


@pytest.mark.parametrize("name", TINY)
def test_an_empty_model_has_no_parameter_in_memory_and_its_errors_are_builds(name: str) -> None:
    assert all(parameter.is_meta for parameter in build_empty(name, 3, {}).parameters())
    with pytest.raises(ModelError, match="takes no nonsense"):
        build_empty(name, 3, {"nonsense": 1})


MEMORY = """
import psutil, torch
from toprung.models.catalogue import build, build_empty, parameter_count
build_empty("test_vit", 3, {})  # imports
process = psutil.Process()
before = process.memory_info().rss
model = build_empty("vit_large_patch16_224", 1000, {})
print(parameter_count(model) * 4, process.memory_info().rss - before)
"""


def test_an_empty_model_takes_no_memory() -> None:
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    full, taken = map(int, done.stdout.split())
    assert full > 1.2e9
    assert taken < 0.1 * full


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vit_base_patch16_224", True),
        ("test_vit", True),
        ("swin_tiny_patch4_window7_224", True),
        ("test_resnet", False),
        ("tf_efficientnet_lite0", False),
        ("convnext_tiny", False),
    ],
)
def test_which_models_must_be_told_the_size(name: str, expected: bool) -> None:
    assert takes_img_size(name) == expected
    other = 96
    if expected:
        check_runs(
            build(name, 3, {"img_size": other, **({"window_size": 3} if "swin" in name else {})}), (3, other, other)
        )
    else:
        check_runs(build(name, 3, {}), (3, other, other))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test_resnet", True),
        ("test_efficientnet", True),
        ("tf_efficientnet_lite0", True),
        ("resnet10t", True),
        ("mobilenetv3_small_050", True),
        ("test_vit", False),
        ("vit_tiny_patch16_224", False),
        ("swin_tiny_patch4_window7_224", False),
        ("mixer_s32_224", False),
    ],
)
def test_is_convolutional(name: str, expected: bool) -> None:
    assert is_convolutional(build_empty(name, 3, {})) == expected


def test_parameter_count_equals_the_papers() -> None:
    # He et al. 2016: 25.6 million; Dosovitskiy et al. 2021: 86 million, with a head of 1000 classes 86,567,656
    assert parameter_count(build_empty("resnet50", 1000, {})) == 25_557_032
    assert parameter_count(build_empty("vit_base_patch16_224", 1000, {})) == 86_567_656


@pytest.mark.parametrize("training", [True, False])
def test_evaluating_puts_the_mode_back_even_after_an_error(training: bool) -> None:
    model = nn.Sequential(nn.Dropout()).train(training)
    with pytest.raises(ZeroDivisionError), evaluating(model):
        assert not model[0].training
        _ = 1 / 0
    assert model[0].training == training


def test_a_model_without_pretrained_weights_says_so() -> None:
    bare = next(name for name in timm.list_models("coatnet*") if not timm.is_model_pretrained(name))
    with pytest.raises(WeightsError, match=f"no pretrained weights for {bare}; use --weights none"):
        build(bare, 3, {}, pretrained=True)
