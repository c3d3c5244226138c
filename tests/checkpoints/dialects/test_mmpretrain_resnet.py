"""What is particular to MMPretrain's ResNet files."""

from pathlib import Path

import pytest
import timm
import torch

from tests.checkpoints.examples import mmpretrain_resnet
from toprung.checkpoints.dialects.mmpretrain_resnet import TABLE, recognise
from toprung.checkpoints.files import WeightsFile, read_weights
from toprung.checkpoints.load import load_file, load_weights
from toprung.errors import WeightsMismatch


def test_its_classifier_is_kept_for_as_many_classes(tmp_path: Path) -> None:
    file = mmpretrain_resnet.write(tmp_path).path
    model = timm.models.ResNet(timm.models.resnet.BasicBlock, (1, 1, 1, 1), num_classes=5)  # type: ignore[arg-type]
    report = load_weights(model, file)
    assert {"fc.weight", "fc.bias"} <= set(report.loaded)
    assert torch.equal(model.fc.weight, read_weights(file).tensors["head.fc.weight"])


@pytest.mark.parametrize("key", ["cfg", "config"])
def test_a_configuration_with_strides_in_the_first_convolution_is_refused(key: str, tmp_path: Path) -> None:
    path = mmpretrain_resnet.write(tmp_path).path
    content = torch.load(path)
    content["meta"] = {key: "backbone=dict(type='ResNet', depth=50, style='caffe')"}
    torch.save(content, path)
    with pytest.raises(WeightsMismatch, match="caffe"):
        load_weights(mmpretrain_resnet.model(), path)


def test_squeeze_and_excitation_has_no_place_in_a_plain_resnet(tmp_path: Path) -> None:
    file = read_weights(mmpretrain_resnet.write(tmp_path).path)
    file.tensors["backbone.layer1.0.se_layer.conv1.conv.weight"] = torch.zeros(4, 64, 1, 1)
    with pytest.raises(WeightsMismatch, match="se_layer"):
        load_file(mmpretrain_resnet.model(), file)


def test_a_network_that_only_hangs_under_an_attribute_is_not_claimed() -> None:
    with torch.device("meta"):
        state = timm.create_model("resnet18", num_classes=3).state_dict()
    lightning = {f"backbone.{name}": tensor for name, tensor in state.items()}
    assert not recognise(WeightsFile(Path("epoch.ckpt"), "torch", lightning))


def test_all_names_of_timms_resnet50d_are_known(tmp_path: Path) -> None:
    with torch.device("meta"):
        own = timm.create_model("resnet50d", num_classes=3).state_dict().keys()
    assert all(TABLE.backward(name) for name in own)
