"""What only concerns EVA-02: rotations, heads, and models of other kinds."""

from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn

from tests.checkpoints.examples import randomise
from tests.checkpoints.examples.eva02 import BASE, LEAVES, SIZES, model, official, pretraining
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch


def tensors(*, rotated: bool = True) -> dict[str, Tensor]:
    return official(randomise(timm.create_model(BASE, num_classes=11, **SIZES)), LEAVES, rotated=rotated)


def refused(folder: Path, state: dict[str, Tensor], target: nn.Module, match: str) -> None:
    torch.save({"module": state}, folder / "eva02.pt")
    with pytest.raises(WeightsMismatch, match=match):
        load_weights(target, folder / "eva02.pt")


@pytest.mark.parametrize("rotated", [True, False])
def test_a_model_without_rotations_is_refused(tmp_path: Path, rotated: bool) -> None:
    refused(tmp_path, tensors(rotated=rotated), model(BASE, use_rot_pos_emb=False), "RoPE")


def test_another_number_of_heads_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, tensors(), model(BASE, num_heads=2), "another number of heads")


def test_rotations_of_another_grid_of_pretraining_are_refused(tmp_path: Path) -> None:
    refused(tmp_path, tensors(), model(BASE, ref_feat_shape=(4, 4)), "others than the model's")


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    refused(tmp_path, tensors() | {"blocks.0.attn.secret": torch.ones(3)}, model(BASE), "secret")


def test_a_plain_vit_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, tensors(), model("vit_small_patch16_224"), "class Eva")


def test_another_image_size_keeps_the_rest(tmp_path: Path) -> None:
    torch.save({"module": tensors()}, tmp_path / "eva02.pt")
    report = load_weights(model(BASE, img_size=48), tmp_path / "eva02.pt")
    assert not report.partial


def test_the_last_norm_of_pretraining_is_told(tmp_path: Path) -> None:
    network = randomise(timm.create_model(BASE, num_classes=0, global_pool="token", **SIZES))
    torch.save({"module": official(network, LEAVES) | pretraining()}, tmp_path / "eva02.pt")
    target = model(BASE)
    report = load_weights(target, tmp_path / "eva02.pt")
    assert any("behind the average" in text for text in report.assumptions)
    assert torch.equal(target.fc_norm.weight, network.norm.weight)  # type: ignore[union-attr]
