"""What only concerns DeiT."""

from pathlib import Path

import pytest
import timm
import torch

from tests.checkpoints.examples.deit import distilled, model, published, training
from toprung.checkpoints.dialects import deit
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch

NAME = "deit_small_patch16_224"


def weights_file(architecture: str, wrapper: str = "model") -> WeightsFile:
    with torch.device("meta"):
        peer = timm.create_model(architecture)
    return WeightsFile(Path("weights.pth"), "torch", dict(peer.state_dict()), wrapper)


@pytest.mark.parametrize("name", [NAME, "deit_tiny_distilled_patch16_224"])
def test_full_size_files_are_recognised_only_where_deit_puts_them(name: str) -> None:
    assert deit.recognise(weights_file(name))
    for wrapper in ("", "state_dict"):
        assert not deit.recognise(weights_file(name, wrapper))


@pytest.mark.parametrize("name", ["deit3_small_patch16_224", "vit_small_patch14_reg4_dinov2", "beit_base_patch16_224"])
def test_other_vits_are_not_deits(name: str) -> None:
    assert not deit.recognise(weights_file(name))


def test_distilled_weights_are_refused_by_a_model_without_the_token(tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch, match="distillation token"):
        load_weights(model(), distilled(tmp_path).path)


def test_weights_without_the_token_are_refused_by_a_distilled_model(tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch, match="dist_token gets no value"):
        load_weights(model("deit_small_distilled_patch16_224"), published(tmp_path).path)


def test_the_moving_average_of_a_training_is_taken(tmp_path: Path) -> None:
    peer = model()
    load_weights(peer, training(tmp_path).path)
    assert torch.count_nonzero(peer.state_dict()["norm.weight"])


def test_a_head_of_as_many_classes_is_kept(tmp_path: Path) -> None:
    peer = timm.create_model(NAME, num_classes=1000, img_size=32, patch_size=8, embed_dim=48, depth=2, num_heads=3)
    report = load_weights(peer, published(tmp_path).path, head="keep")
    assert "head.weight" in report.loaded
    assert not report.head_start
