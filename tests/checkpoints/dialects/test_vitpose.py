from pathlib import Path

import pytest
import torch

from tests.checkpoints.examples import vitpose
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch


def test_a_model_that_does_not_pad_is_refused_with_the_reason(tmp_path: Path) -> None:
    made = vitpose.write(tmp_path)
    model = vitpose.model()
    before = model.patch_embed.proj.weight.clone()
    with pytest.raises(WeightsMismatch, match="pads its patches by 2 pixels"):
        load_weights(model, made.path)
    assert torch.equal(model.patch_embed.proj.weight, before)
    report = load_weights(model, made.path, strict=False)
    assert report.partial
    assert not torch.equal(model.patch_embed.proj.weight, before)


def test_positions_of_16_x_12_patches_are_resized_as_such(tmp_path: Path) -> None:
    made = vitpose.write(tmp_path, rows=16, columns=12)
    model = vitpose.padded(img_size=(256, 256))
    load_weights(model, made.path)
    assert model.pos_embed.shape == (1, 256, vitpose.WIDTH)


def test_experts_are_refused(tmp_path: Path) -> None:
    made = vitpose.write(tmp_path)
    content = torch.load(made.path)
    content["state_dict"]["backbone.blocks.0.mlp.experts.0.weight"] = torch.zeros(12, 192)
    torch.save(content, made.path)
    with pytest.raises(WeightsMismatch, match="experts"):
        load_weights(vitpose.padded(), made.path)
