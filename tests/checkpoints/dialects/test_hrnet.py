"""HRNet's own files have timm's names; what is around them and what pose and segmentation leave out is tried here."""

from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor

from tests.checkpoints.examples import randomise
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch

HEADS = ("incre_modules.", "downsamp_modules.", "final_layer.", "classifier.")


def backbone_and_head() -> dict[str, Tensor]:
    return randomise(timm.create_model("hrnet_w18_small", num_classes=1000)).state_dict()


def test_a_training_file_gives_its_state_and_not_its_name(tmp_path: Path) -> None:
    state = backbone_and_head()
    content = {"epoch": 3, "model": "cls_hrnet", "state_dict": state, "perf": 71.2, "optimizer": {"param_groups": []}}
    torch.save(content, tmp_path / "checkpoint.pth.tar")
    model = timm.create_model("hrnet_w18_small", num_classes=1000)
    report = load_weights(model, tmp_path / "checkpoint.pth.tar")
    assert report.dialect == "timm"
    assert report.missing == ()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, state[name]), name


@pytest.mark.parametrize("head", ["last_layer.0.weight", "final_layer.weight"])
def test_files_of_segmentation_and_pose_are_refused(head: str, tmp_path: Path) -> None:
    state = {name: tensor for name, tensor in backbone_and_head().items() if not name.startswith(HEADS)}
    torch.save({f"model.{n}": t for n, t in (state | {head: torch.zeros(17, 240, 1, 1)}).items()}, tmp_path / "x.pth")
    with pytest.raises(WeightsMismatch, match="does not fit the model"):
        load_weights(timm.create_model("hrnet_w18_small", num_classes=3), tmp_path / "x.pth")
