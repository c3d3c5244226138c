from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.checkpoints.examples import convnext
from toprung.checkpoints.dialects.convnext import TABLE
from toprung.checkpoints.files import WeightsFile, read_weights
from toprung.checkpoints.fitting import fitting_models
from toprung.checkpoints.load import load_file, load_weights
from toprung.checkpoints.recognise import recognise
from toprung.errors import WeightsMismatch
from toprung.models.catalogue import build_empty


def official(name: str) -> dict[str, Tensor]:
    """Return a full-size file without values, under the projects' names."""
    named = {}
    for key, tensor in build_empty(name, 1000, {}).state_dict().items():
        (theirs,) = TABLE.backward(key)
        named[theirs] = tensor.view(1, 1, 1, -1) if ".grn." in theirs else tensor
    return named


@pytest.mark.parametrize("name", ["convnext_tiny", "convnext_xlarge", "convnextv2_atto", "convnextv2_huge"])
def test_full_size_files_are_recognised_and_named(name: str) -> None:
    state = official(name)
    assert {"downsample_layers.3.1.weight", "stages.3.1.dwconv.bias", "norm.weight", "head.bias"} <= state.keys()
    found = recognise(WeightsFile(Path("convnext.pth"), "torch", state, "model"))
    assert found is not None
    assert found.dialect.NAME == "ConvNeXt"
    assert name in [fit.name for fit in fitting_models(found)]


def test_pretraining_says_that_its_last_norm_begins_afresh(tmp_path: Path) -> None:
    model = convnext.model("convnextv2_tiny")
    report = load_weights(model, convnext.pretraining(tmp_path).path)
    assert set(report.missing) == {"head.fc.weight", "head.fc.bias", "head.norm.weight", "head.norm.bias"}
    assert {name for name, _ in report.dropped} >= {"mask_token", "proj.weight", "decoder.0.dwconv.weight", "pred.bias"}
    assert torch.equal(model.head.norm.weight, torch.ones(48))  # type: ignore[union-attr, arg-type]
    assert "2e-05" in report.head_start


@pytest.mark.parametrize("extra", ["norm0.weight", "decoder.0.norm.weight", "stages.0.0.attn.weight"])
def test_what_the_model_does_not_have_is_refused_and_named(extra: str, tmp_path: Path) -> None:
    file = read_weights(convnext.first(tmp_path).path)
    file.tensors[extra] = torch.zeros(16)
    with pytest.raises(WeightsMismatch, match="have no place") as error:
        load_file(convnext.model("convnext_tiny"), file)
    assert extra.partition(".")[0] in str(error.value)


def test_the_first_version_does_not_go_into_the_second(tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch, match=r"gamma .* has no place"):
        load_weights(convnext.model("convnextv2_tiny"), convnext.first(tmp_path).path)
