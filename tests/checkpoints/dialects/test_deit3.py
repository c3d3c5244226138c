"""What only concerns DeiT-III."""

from pathlib import Path

import pytest
import torch

from tests.checkpoints.examples.deit3 import model, published, tensors
from toprung.checkpoints.dialects import deit3
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch


def test_a_layer_scale_with_a_row_for_the_class_token_is_not_deit3s() -> None:
    ibot = tensors() | {"pos_embed": torch.zeros(1, 17, 48)}
    assert not deit3.recognise(WeightsFile(Path("weights.pth"), "torch", ibot, "model"))


def test_weights_are_refused_by_a_model_without_layer_scale(tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch, match="have no place"):
        load_weights(model("vit_small_patch16_224"), published(tmp_path).path)


def test_a_larger_grid_is_resized_without_antialiasing(tmp_path: Path) -> None:
    report = load_weights(model(img_size=64), published(tmp_path).path)
    assert [(change.name, change.method) for change in report.resized] == [
        ("pos_embed", "bicubic, not antialiased, as its own code, grid 4×4 -> 8×8")
    ]
