"""What only concerns DINOv2."""

from pathlib import Path

import pytest
import torch

from tests.checkpoints.examples.dinov2 import classifier, model, published, tensors, training, with_registers
from toprung.checkpoints.dialects import dinov2
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch


@pytest.mark.parametrize("joined", [768, 1920, 7680])
def test_a_linear_head_alone_is_refused_with_the_reason(tmp_path: Path, joined: int) -> None:
    torch.save({"weight": torch.ones(1000, joined), "bias": torch.ones(1000)}, tmp_path / "dinov2_linear_head.pth")
    with pytest.raises(WeightsMismatch, match=f"linear classifier for {joined} features"):
        load_weights(model(), tmp_path / "dinov2_linear_head.pth")


def test_any_other_linear_layer_is_not_claimed() -> None:
    file = WeightsFile(Path("layer.pth"), "torch", {"weight": torch.ones(10, 768), "bias": torch.ones(10)})
    assert not dinov2.recognise(file)


def test_registers_are_refused_by_a_model_without(tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch, match="have no place"):
        load_weights(model(), with_registers(tmp_path).path)


def test_a_model_with_registers_refuses_weights_without(tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch, match="reg_token gets no value"):
        load_weights(model("vit_small_patch14_reg4_dinov2"), published(tmp_path).path)


def test_heads_and_mask_tokens_are_dropped_with_reasons(tmp_path: Path) -> None:
    dropped = dict(load_weights(model(), classifier(tmp_path).path).dropped)
    assert dropped.keys() == {"backbone.mask_token", "linear_head.weight", "linear_head.bias"}
    assert "joined" in dropped["linear_head.weight"]
    dropped = dict(load_weights(model(depth=4), training(tmp_path).path).dropped)
    assert {name.partition(".")[0] for name in dropped} == {"backbone", "dino_head", "ibot_head"}


def test_positions_are_antialiased_with_registers_only() -> None:
    for registers in (0, 4):
        file = WeightsFile(Path("weights.pth"), "torch", tensors(registers=registers))
        assert dinov2.translate(file, None).antialias == bool(registers)


def test_a_mask_token_of_three_dimensions_is_another_projects() -> None:
    other = tensors() | {"mask_token": torch.zeros(1, 1, 48)}
    assert not dinov2.recognise(WeightsFile(Path("weights.pth"), "torch", other))
