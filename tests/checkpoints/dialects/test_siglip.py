"""What only concerns SigLIP's npz files: heads of the pooling, pooling by average, and what stands beside the tower."""

from pathlib import Path

import numpy as np
import pytest
import timm

from tests.checkpoints.examples.jax_vit import DEPTH, GRID, PATCH, WIDTH
from tests.checkpoints.examples.siglip import model, write
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch

SIZES = {"img_size": PATCH * GRID, "patch_size": PATCH, "embed_dim": WIDTH, "depth": DEPTH, "num_classes": 7}


def test_another_number_of_heads_of_the_pooling_is_refused(tmp_path: Path) -> None:
    target = timm.create_model("vit_base_patch16_siglip_224", num_heads=3, **SIZES)
    with pytest.raises(WeightsMismatch, match="attention pooling has 4 heads"):
        load_weights(target, write(tmp_path).path)


def test_a_model_that_averages_drops_the_pooling(tmp_path: Path) -> None:
    report = load_weights(model("vit_base_patch16_siglip_gap_224"), write(tmp_path, stack=True).path)
    assert not report.partial
    assert any("MAPHead_0" in name or "attn_pool" in name for name, _ in report.dropped)


def test_a_tower_without_pooling_does_not_fill_a_model_with(tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch):
        load_weights(model(), write(tmp_path, language=True).path)


def test_unknown_layers_are_refused_by_their_own_name(tmp_path: Path) -> None:
    path = write(tmp_path, stack=True).path
    arrays = dict(np.load(path)) | {
        "params/img/Transformer/encoderblock/Secret/kernel": np.ones((DEPTH, 3), np.float32)
    }
    np.savez(path, **arrays)
    with pytest.raises(WeightsMismatch, match="encoderblock/Secret"):
        load_weights(model(), path)
