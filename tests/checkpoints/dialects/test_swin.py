from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor

from tests.checkpoints.examples import swin, torchvision_swin
from toprung.checkpoints.files import WeightsFile, read_weights
from toprung.checkpoints.fitting import fitting_models
from toprung.checkpoints.load import load_file, load_weights
from toprung.checkpoints.recognise import recognise
from toprung.errors import WeightsMismatch
from toprung.models.catalogue import build_empty


def official(name: str) -> dict[str, Tensor]:
    """Return a full-size file without values, under the names of microsoft/Swin-Transformer."""
    named = {}
    for key, tensor in build_empty(name, 21841, {}).state_dict().items():
        parts = key.split(".")
        if "downsample" in parts:
            parts[1] = str(int(parts[1]) - 1)
        named[".".join(parts).replace("head.fc.", "head.")] = tensor
    return named


@pytest.mark.parametrize(
    "name", ["swin_tiny_patch4_window7_224", "swin_large_patch4_window12_384", "swinv2_base_window8_256"]
)
def test_full_size_files_are_recognised_and_named(name: str) -> None:
    found = recognise(WeightsFile(Path("swin.pth"), "torch", official(name), "model"))
    assert found is not None
    assert found.dialect.NAME == "Swin"
    translation = found.dialect.translate(found.file, None)
    assert translation.trained_for == "ImageNet-22k"
    assert translation.state.keys() == build_empty(name, 5, {}).state_dict().keys()
    assert any(fit.name.startswith(name.partition("_window")[0]) for fit in fitting_models(found))


@pytest.mark.parametrize("name", ["swin_tiny_patch4_window7_224", "swinv2_cr_tiny_224", "swinv2_tiny_window8_256"])
@pytest.mark.parametrize("classes", [0, 5])
def test_timms_own_files_are_not_claimed(name: str, classes: int) -> None:
    found = recognise(WeightsFile(Path("model.pth"), "torch", build_empty(name, classes, {}).state_dict()))
    assert found is not None
    assert found.dialect.NAME == "timm"


@pytest.mark.parametrize("extra", ["norm0.weight", "absolute_pos_embed", "layers.0.blocks.0.mlp.experts.weight"])
def test_what_the_model_does_not_have_is_refused_and_named(extra: str, tmp_path: Path) -> None:
    file = read_weights(swin.write(tmp_path, 1).path)
    file.tensors[extra] = torch.zeros(1, 256, 16)
    with pytest.raises(WeightsMismatch, match="1 of the file have no place") as error:
        load_file(torchvision_swin.model(1), file)
    assert extra in str(error.value)


def test_fine_tuned_swin_v2_needs_the_window_of_pretraining(tmp_path: Path) -> None:
    """Offsets of a file fine-tuned from a window of 4 to one of 8, measured in 4: 7 places are 7/3 of the unit."""
    file = read_weights(swin.write(tmp_path, 2).path)
    larger = torchvision_swin.model(2, window_size=8, pretrained_window_sizes=(4, 4))
    for name in [name for name in file.tensors if name.endswith("relative_coords_table")]:
        table = larger.get_submodule(name.rpartition(".")[0]).relative_coords_table
        assert isinstance(table, Tensor)
        file.tensors[name] = table.half()
    with pytest.raises(WeightsMismatch, match="measured in a window of 4, the model's in one of 8"):
        load_file(torchvision_swin.model(2, window_size=8), file)
    report = load_file(larger, file)
    assert not report.assumptions


def test_heads_begin_as_in_its_own_fine_tuning(tmp_path: Path) -> None:
    model = torchvision_swin.model(1)
    assert "zeros" in load_weights(model, swin.write(tmp_path, 1).path).head_start
    assert not model.head.fc.weight.count_nonzero()  # type: ignore[union-attr, operator]
    assert "0.02" in load_weights(model, swin.simmim(tmp_path, 1).path).head_start


def test_a_plain_model_refuses_swin(tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch, match="names as in Swin"):
        load_weights(timm.create_model("test_vit", num_classes=3), swin.write(tmp_path, 1).path)
