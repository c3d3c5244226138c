"""What only concerns MoCo v3: its number of heads, and the marks of its files."""

from pathlib import Path

import pytest
import torch

from tests.checkpoints.examples._vit_forward import made_up
from tests.checkpoints.examples.moco_v3 import checkpoint, fixed_positions, model, tensors, vit
from toprung.checkpoints.dialects import dino, ibot, moco_v3
from toprung.checkpoints.dialects._vit import has_moco_positions
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch


def test_a_small_model_takes_over_twelve_heads(tmp_path: Path) -> None:
    peer = model()
    report = load_weights(peer, vit(tmp_path).path)
    assert "num_heads: 12" in report.adjusted
    assert any("12 heads" in phrase for phrase in report.assumptions)
    assert {reason for name, reason in report.dropped if name.startswith("base_encoder.head.")} == {
        "MoCo's projector, which only its training needs"
    }


def test_the_fixed_positions_are_known_in_any_precision() -> None:
    table = fixed_positions(384, 14)
    assert has_moco_positions(table)
    assert has_moco_positions(table.half())
    quarter = 384 // 4
    column_first = torch.cat([table[..., 2 * quarter :], table[..., : 2 * quarter]], dim=-1)  # as MAE's
    assert not has_moco_positions(column_first)
    assert not has_moco_positions(made_up(48, 4)["pos_embed"])
    assert not has_moco_positions(None)


@pytest.mark.parametrize("wrapper", ["", "state_dict"])
def test_no_other_project_claims_a_headless_encoder(wrapper: str) -> None:
    file = WeightsFile(Path("weights.pth"), "torch", tensors(), wrapper)
    assert not dino.recognise(file)
    assert not ibot.recognise(file)


def test_a_stem_of_convolutions_is_refused_with_the_reason(tmp_path: Path) -> None:
    encoder = {name: tensor for name, tensor in tensors().items() if not name.startswith("patch_embed")}
    encoder |= {"patch_embed.proj.0.weight": torch.ones(48, 3, 3, 3)}
    torch.save(checkpoint(encoder, "head", 384, arch="vit_conv_small"), tmp_path / "conv.pth.tar")
    with pytest.raises(WeightsMismatch, match="stem of convolutions"):
        load_weights(model(), tmp_path / "conv.pth.tar")


def test_a_linear_evaluation_is_known_by_its_entries_too() -> None:
    whole = made_up(384, 4, depth=1) | {"head.weight": torch.ones(10, 384), "head.bias": torch.ones(10)}
    entries = {"epoch": 90, "arch": "vit_small", "best_acc1": 73.2}
    assert moco_v3.recognise(WeightsFile(Path("a.pth.tar"), "torch", whole, "state_dict", entries=entries))
    timms = entries | {"arch": "vit_small_patch16_224"}
    assert not moco_v3.recognise(WeightsFile(Path("a.pth.tar"), "torch", whole, "state_dict", entries=timms))
