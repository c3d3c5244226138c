"""What only concerns BEiT: models without a place for its tables, its two generations, and timm's own files."""

from pathlib import Path

import pytest
import timm
import torch

from tests.checkpoints.examples.beit import SIZES, finetuned, model, pretrained, second
from toprung.checkpoints.dialects import HALF, IMAGENET, beit
from toprung.checkpoints.files import WeightsFile, read_weights
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch


def test_a_plain_vit_is_refused_with_the_reason(tmp_path: Path) -> None:
    target = timm.create_model("vit_base_patch16_224", num_classes=7, **SIZES)
    with pytest.raises(WeightsMismatch, match="relative offsets"):
        load_weights(target, finetuned(tmp_path).path)


def test_the_generation_tells_mean_and_std(tmp_path: Path) -> None:
    assert beit.translate(read_weights(finetuned(tmp_path).path), None).preprocessing == HALF
    assert beit.translate(read_weights(second(tmp_path).path), None).preprocessing == IMAGENET


@pytest.mark.parametrize("name", ["beit_base_patch16_224", "beitv2_base_patch16_224"])
def test_timms_own_files_are_timms(tmp_path: Path, name: str) -> None:
    network = timm.create_model(name, num_classes=7, **SIZES)
    torch.save(network.state_dict(), tmp_path / "model.pth")
    report = load_weights(network, tmp_path / "model.pth")
    assert report.dialect == "timm"
    assert not report.preprocessing, "BEiT v2 in timm's names must not get BEiT's mean and std"


def test_full_size_files_of_timm_are_not_claimed() -> None:
    with torch.device("meta"):
        tensors = dict(timm.create_model("beitv2_base_patch16_224").state_dict())
    assert not beit.recognise(WeightsFile(Path("model.safetensors"), "safetensors", tensors))
    assert beit.recognise(WeightsFile(Path("beitv2_base_patch16_224_pt1k_ft21kto1k.pth"), "torch", tensors, "model"))


def test_every_block_gets_the_shared_table(tmp_path: Path) -> None:
    file = pretrained(tmp_path).path
    target = model(global_pool="token")
    load_weights(target, file)
    shared = read_weights(file).tensors["rel_pos_bias.relative_position_bias_table"]
    for block in target.blocks:  # type: ignore[union-attr]
        assert torch.equal(block.attn.relative_position_bias_table, shared)


def test_a_model_that_shares_its_table_takes_it_as_it_is(tmp_path: Path) -> None:
    target = model(global_pool="token", use_shared_rel_pos_bias=True, use_rel_pos_bias=False)
    report = load_weights(target, pretrained(tmp_path).path)
    assert "rel_pos_bias.relative_position_bias_table" in report.loaded


def test_another_window_resizes_each_table(tmp_path: Path) -> None:
    report = load_weights(model(global_pool="token", img_size=48), pretrained(tmp_path).path)
    assert len(report.resized) == SIZES["depth"]
    assert not report.partial
