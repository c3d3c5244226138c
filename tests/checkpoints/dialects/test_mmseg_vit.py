"""What is particular to MMSegmentation's ViT files."""

from pathlib import Path

import pytest

from tests.checkpoints.examples import mmseg_vit
from toprung.checkpoints.dialects.mmseg_vit import translate
from toprung.checkpoints.files import read_weights
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch


def test_a_network_that_leaves_its_class_token_out_is_refused(tmp_path: Path) -> None:
    file = mmseg_vit.write(tmp_path, config="backbone=dict(type='VisionTransformer', with_cls_token=False)").path
    with pytest.raises(WeightsMismatch, match="with_cls_token=False"):
        load_weights(mmseg_vit.model(), file)


def test_a_file_without_the_last_norm_says_how_to_build_the_model(tmp_path: Path) -> None:
    file = mmseg_vit.write(tmp_path, final_norm=False).path
    assert translate(read_weights(file), None).arguments == {"final_norm": False}
    with pytest.raises(WeightsMismatch, match=r"norm\.weight"):
        load_weights(mmseg_vit.model(), file)


@pytest.mark.parametrize(("value", "mean"), [("127.5", 0.5), ("123.675", 0.485)])
def test_mean_and_std_are_read_from_the_configuration(value: str, mean: float, tmp_path: Path) -> None:
    file = mmseg_vit.write(tmp_path, config=f"data_preprocessor=dict(mean=[{value}, 0, 0])").path
    assert translate(read_weights(file), None).preprocessing["mean"][0] == mean


def test_what_is_not_told_is_assumed_aloud(tmp_path: Path) -> None:
    report = load_weights(mmseg_vit.model(), mmseg_vit.write(tmp_path).path)
    told = " ".join(report.assumptions)
    assert "heads" in told
    assert "class token" in told
    assert "mean and std" in told
    assert any(name == "decode_head.conv_seg.weight" for name, _ in report.dropped)
