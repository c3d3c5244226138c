"""What only concerns DINOv3: biases, rotations, and models of other kinds."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.checkpoints.examples.dinov3 import model, tensors, with_biases
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch


def refused(folder: Path, state: dict[str, Tensor], target: nn.Module, match: str) -> None:
    torch.save(state, folder / "weights.pth")
    with pytest.raises(WeightsMismatch, match=match):
        load_weights(target, folder / "weights.pth")


def test_biases_that_are_not_zero_need_a_model_with(tmp_path: Path) -> None:
    refused(tmp_path, tensors(zero_bias=False), model(), "_qkvb")


def test_a_bias_of_the_keys_is_refused(tmp_path: Path) -> None:
    state = {name: tensor for name, tensor in tensors(zero_bias=False).items() if not name.endswith("bias_mask")}
    refused(tmp_path, state, with_biases(), "keys have a bias")


def test_a_plain_vit_is_refused_with_the_reason(tmp_path: Path) -> None:
    vit = model("vit_small_patch14_reg4_dinov2")
    refused(tmp_path, tensors(zero_bias=True), vit, "RoPE")


def test_another_number_of_heads_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, tensors(zero_bias=True), model(num_heads=2), "another number of heads")


def test_other_periods_are_refused(tmp_path: Path) -> None:
    other = {"rope_embed.periods": 1000 ** (torch.arange(4) / 4)}
    refused(tmp_path, tensors(zero_bias=True) | other, model(), "other periods")


def test_two_last_norms_are_refused(tmp_path: Path) -> None:
    second = {"cls_norm.weight": torch.ones(48), "cls_norm.bias": torch.zeros(48)}
    refused(tmp_path, tensors(zero_bias=True) | second, model(), "one last norm for the class token")


def test_a_linear_head_alone_is_refused_with_the_reason(tmp_path: Path) -> None:
    head = {"weight": torch.ones(1000, 8192), "bias": torch.ones(1000)}
    refused(tmp_path, head, model(), "linear classifier for 8192 features")
