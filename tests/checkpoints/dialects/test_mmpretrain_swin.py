"""What is particular to MMPretrain's Swin files."""

from pathlib import Path

import pytest
import torch

from tests.checkpoints.examples import mmpretrain_swin, swin, torchvision_swin
from toprung.checkpoints.dialects.mmpretrain_swin import TABLE
from toprung.checkpoints.files import read_weights
from toprung.checkpoints.load import load_file, load_weights
from toprung.errors import WeightsMismatch


@pytest.mark.parametrize("version", [1, 2])
def test_the_merging_is_put_in_the_official_order(version: int, tmp_path: Path) -> None:
    official, ours = torchvision_swin.model(version), torchvision_swin.model(version)
    load_weights(official, swin.write(tmp_path, version).path)
    load_weights(ours, mmpretrain_swin.write(tmp_path, version).path)
    theirs = {name: tensor for name, tensor in official.state_dict().items() if not name.startswith("head.")}
    for name, tensor in theirs.items():
        assert torch.equal(ours.state_dict()[name], tensor), name


def test_norms_of_inner_stages_and_other_heads_are_dropped_by_their_names(tmp_path: Path) -> None:
    file = mmpretrain_swin.write(tmp_path, 1, also=mmpretrain_swin.SEGMENTER).path
    report = load_weights(torchvision_swin.model(1), file)
    assert set(mmpretrain_swin.SEGMENTER) <= {name for name, _ in report.dropped}


@pytest.mark.parametrize("extra", ["backbone.absolute_pos_embed", "backbone.stages.0.blocks.1.norm3.weight"])
def test_what_the_model_does_not_have_is_refused_and_named(extra: str, tmp_path: Path) -> None:
    file = read_weights(mmpretrain_swin.write(tmp_path, 1).path)
    file.tensors[extra] = torch.zeros(16)
    with pytest.raises(WeightsMismatch, match="1 of the file have no place") as error:
        load_file(torchvision_swin.model(1), file)
    assert extra in str(error.value)


def test_its_classifier_is_kept_for_as_many_classes(tmp_path: Path) -> None:
    file = read_weights(mmpretrain_swin.write(tmp_path, 1).path)
    file.tensors["head.fc.weight"] = torch.randn(7, 32)
    file.tensors["head.fc.bias"] = torch.randn(7)
    model = torchvision_swin.model(1)
    report = load_file(model, file)
    assert "head.fc.weight" in report.loaded
    assert torch.equal(model.state_dict()["head.fc.weight"], file.tensors["head.fc.weight"])


def test_names_go_there_and_back() -> None:
    for name in ("stages.1.blocks.0.attn.w_msa.qkv.weight", "stages.0.downsample.reduction.weight", "norm3.bias"):
        ours = TABLE.forward(name)
        assert ours is not None
        assert name in TABLE.backward(ours)
