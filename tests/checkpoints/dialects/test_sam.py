"""What only concerns SAM: windows, another size of picture, and models of other kinds."""

from pathlib import Path

import pytest
import timm
import torch

from tests.checkpoints.examples.sam import model, whole
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch

SIZES = {"img_size": 64, "patch_size": 8, "embed_dim": 48, "depth": 3, "num_heads": 4, "num_classes": 7}
SAM = SIZES | {"window_size": 3, "global_attn_indexes": (1,), "neck_chans": 24}


def test_a_plain_vit_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch, match="samvit"):
        load_weights(timm.create_model("vit_small_patch16_224", **SIZES), whole(tmp_path).path)


@pytest.mark.parametrize("other", [{"window_size": 5}, {"global_attn_indexes": (2,)}])
def test_other_windows_are_refused(tmp_path: Path, other: dict[str, object]) -> None:
    with pytest.raises(WeightsMismatch, match="another window"):
        load_weights(timm.create_model("samvit_base_patch16", **(SAM | other)), whole(tmp_path).path)


def test_a_model_without_the_neck_is_refused(tmp_path: Path) -> None:
    target = timm.create_model("samvit_base_patch16", **(SAM | {"neck_chans": None}))
    with pytest.raises(WeightsMismatch, match="neck"):
        load_weights(target, whole(tmp_path).path)


def test_another_size_of_picture_changes_positions_and_the_wide_blocks_only(tmp_path: Path) -> None:
    target = timm.create_model("samvit_base_patch16", **(SAM | {"img_size": 96}))
    report = load_weights(target, whole(tmp_path).path)
    assert not report.partial
    assert target(torch.zeros(1, 3, 96, 96)).shape == (1, 7)


def test_prompts_and_masks_are_dropped_with_the_reason(tmp_path: Path) -> None:
    report = load_weights(model(), whole(tmp_path).path)
    assert {name.partition(".")[0] for name, _ in report.dropped} == {"prompt_encoder", "mask_decoder"}
