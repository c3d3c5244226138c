"""torchvision's full-size architectures, without values: names, shapes and conventions that timm's must have."""

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import nn

from tests.checkpoints.examples import torchvision_efficientnet, torchvision_swin
from toprung.checkpoints.adapting import target_of
from toprung.checkpoints.dialects import Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.fitting import fitting_models
from toprung.checkpoints.load import load_weights
from toprung.checkpoints.recognise import Recognised, recognise
from toprung.errors import WeightsMismatch
from toprung.models.catalogue import build_empty

MODELS = {
    "vit_b_16": "vit_base_patch16_224",
    "vit_b_32": "vit_base_patch32_224",
    "vit_l_16": "vit_large_patch16_224",
    "vit_l_32": "vit_large_patch32_224",
    "vit_h_14": "vit_huge_patch14_224",
    "convnext_tiny": "convnext_tiny",
    "convnext_small": "convnext_small",
    "convnext_base": "convnext_base",
    "convnext_large": "convnext_large",
    **{f"efficientnet_b{number}": f"efficientnet_b{number}" for number in range(8)},
    "efficientnet_v2_s": "efficientnetv2_s",
    "efficientnet_v2_m": "efficientnetv2_m",
    "efficientnet_v2_l": "efficientnetv2_l",
    "swin_t": "swin_tiny_patch4_window7_224",
    "swin_s": "swin_small_patch4_window7_224",
    "swin_b": "swin_base_patch4_window7_224",
    "swin_v2_t": "swinv2_tiny_window8_256",
    "swin_v2_s": "swinv2_small_window8_256",
    "swin_v2_b": "swinv2_base_window8_256",
    "mobilenet_v2": "mobilenetv2_100",
    "mobilenet_v3_small": "mobilenetv3_small_100",
    "mobilenet_v3_large": "mobilenetv3_large_100",
    "vgg11": "vgg11",
    "vgg16_bn": "vgg16_bn",
    "regnet_x_400mf": "regnetx_004_tv",
    "regnet_x_3_2gf": "regnetx_032",
    "regnet_y_400mf": "regnety_004",
    "regnet_y_16gf": "regnety_160",
    "regnet_y_32gf": "regnety_320",
}
every_model = pytest.mark.parametrize("name", MODELS)


def written(name: str) -> tuple[Any, Recognised]:
    """Return torchvision's network and the file that it would write."""
    with torch.device("cpu" if name.startswith("regnet") else "meta"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.init, "normal_", lambda tensor, *_, **__: tensor)  # takes long on the CPU
        network = torchvision.models.get_model(name)
    found = recognise(WeightsFile(Path(f"{name}.pth"), "torch", network.state_dict()))
    assert found is not None
    assert found.dialect.NAME.startswith("torchvision")
    return network, found


def translated(found: Recognised, model: nn.Module | None = None) -> Translation:
    return found.dialect.translate(found.file, target_of(model) if model else None)


@every_model
def test_every_architecture_becomes_timms(name: str) -> None:
    _, found = written(name)
    model = build_empty(MODELS[name], 1000, {})
    translation = translated(found, model)
    assert not translation.leftover
    assert not translation.unfit
    own = {key: tensor.shape for key, tensor in model.state_dict().items()}
    assert {key: tensor.shape for key, tensor in translation.state.items()} == own


@every_model
def test_conventions_and_mean_are_torchvisions(name: str) -> None:
    network, found = written(name)
    translation = translated(found)
    conventions = translation.conventions
    norms = {module.eps for module in network.modules() if isinstance(module, nn.LayerNorm)}
    batch_norms = {module.eps for module in network.modules() if isinstance(module, nn.BatchNorm2d)}
    assert norms in (set(), {conventions.norm_eps})
    assert batch_norms in (set(), {conventions.batch_norm_eps})
    weights = torchvision.models.get_model_weights(name)
    assert {tuple(each.transforms().mean) for each in weights} == {translation.preprocessing["mean"]}
    assert {tuple(each.transforms().std) for each in weights} == {translation.preprocessing["std"]}


@pytest.mark.parametrize(
    "name",
    [
        "convnext_tiny",
        "efficientnet_b2",
        "efficientnet_v2_s",
        "vit_b_16",
        "mobilenet_v2",
        "mobilenet_v3_large",
        "regnet_y_400mf",
        "vgg16_bn",
    ],
)
def test_the_architecture_can_be_named(name: str) -> None:
    _, found = written(name)
    assert MODELS[name] in [fit.name for fit in fitting_models(found)]


def test_efficientnets_with_tensorflows_padding_are_refused(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.init, "kaiming_normal_", lambda tensor, **_: tensor)
        torch.save(torchvision.models.efficientnet_b0().state_dict(), tmp_path / "weights.pth")
    with pytest.raises(WeightsMismatch, match="pad evenly"):
        load_weights(timm.create_model("tf_efficientnet_b0", num_classes=3), tmp_path / "weights.pth")


def test_a_narrow_efficientnet_keeps_its_answers_at_odd_sizes(tmp_path: Path) -> None:
    made = torchvision_efficientnet.write(tmp_path, 1)
    model = torchvision_efficientnet.model(1).eval()
    load_weights(model, made.path)
    picture = torch.randn(1, 3, 47, 53)
    with torch.no_grad():
        torch.testing.assert_close(model.forward_features(picture), made.features(picture))  # type: ignore[operator]


def test_swin_v2_in_another_window_is_refused_unless_offsets_are_measured_alike(tmp_path: Path) -> None:
    made = torchvision_swin.write(tmp_path, 2)
    with pytest.raises(WeightsMismatch, match="measured in a window of 4, the model's in one of 8"):
        load_weights(torchvision_swin.model(2, window_size=8), made.path)
    alike = torchvision_swin.model(2, window_size=8, pretrained_window_sizes=(4, 4))
    report = load_weights(alike, made.path)
    assert any("windows of 4×4, the model has 8×8" in assumption for assumption in report.assumptions)


def test_swin_in_another_window_has_its_tables_resized(tmp_path: Path) -> None:
    made = torchvision_swin.write(tmp_path, 1)
    report = load_weights(torchvision_swin.model(1, window_size=8), made.path)
    assert [entry.name for entry in report.resized if "bias_table" in entry.name]
