"""What becomes of a file's classifier."""

from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from tests.checkpoints.examples import randomise
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch


def vit(classes: int, **arguments: object) -> nn.Module:
    return timm.create_model("test_vit", num_classes=classes, **arguments)


def saved(folder: Path, classes: tuple[str, ...]) -> nn.Module:
    """Save a model of ours, whose card names its classes."""
    from tests.checkpoints.examples.toprung_run import saved_with

    return saved_with(folder, classes)


def test_rows_follow_the_names_of_the_classes(tmp_path: Path) -> None:
    peer = saved(tmp_path, ("ant", "bee", "cat"))
    model = vit(3)
    report = load_weights(model, tmp_path / "model.safetensors", class_names=("cat", "ant", "bee"))
    assert torch.equal(model.head.weight, peer.head.weight[[2, 0, 1]])  # type: ignore[union-attr, index, arg-type]
    assert torch.equal(model.head.bias, peer.head.bias[[2, 0, 1]])  # type: ignore[union-attr, index, arg-type]
    assert "order of the model's classes" in report.resized[0].method


def test_a_head_for_other_classes_of_the_same_number_is_dropped(tmp_path: Path) -> None:
    peer = saved(tmp_path, ("ant", "bee", "cat"))
    model = vit(3)
    report = load_weights(model, tmp_path / "model.safetensors", class_names=("car", "bus", "van"))
    assert not torch.equal(model.head.weight, peer.head.weight)  # type: ignore[union-attr, arg-type]
    assert any("other classes (ant" in reason for _, reason in report.dropped)


def test_without_names_a_head_of_as_many_classes_is_kept(tmp_path: Path) -> None:
    peer = saved(tmp_path, ("ant", "bee", "cat"))
    model = vit(3)
    load_weights(model, tmp_path / "model.safetensors")
    assert torch.equal(model.head.weight, peer.head.weight)  # type: ignore[union-attr, arg-type]


def test_keep_refuses_and_fresh_leaves_out(tmp_path: Path) -> None:
    torch.save(randomise(vit(3)).state_dict(), tmp_path / "weights.pth")
    with pytest.raises(WeightsMismatch, match="head for 3 classes, the model has 4"):
        load_weights(vit(4), tmp_path / "weights.pth", head="keep")
    report = load_weights(vit(3), tmp_path / "weights.pth", head="fresh")
    assert set(report.missing) == {"head.weight", "head.bias"}


def test_a_head_of_zeros_is_dropped_though_it_fits(tmp_path: Path) -> None:
    state = randomise(vit(3)).state_dict()
    torch.save(state | {"head.weight": torch.zeros_like(state["head.weight"])}, tmp_path / "weights.pth")
    report = load_weights(vit(3), tmp_path / "weights.pth")
    assert dict(report.dropped)["head.weight"] == "head of zeros, which was never trained"


def test_a_model_without_a_head_takes_the_backbone(tmp_path: Path) -> None:
    torch.save(randomise(vit(3)).state_dict(), tmp_path / "weights.pth")
    report = load_weights(vit(0), tmp_path / "weights.pth")
    assert report.missing == ()
    assert {name for name, _ in report.dropped} == {"head.weight", "head.bias"}


def test_an_mae_file_begins_the_head_as_maes_fine_tuning_does(tmp_path: Path) -> None:
    torch.save({"model": randomise(vit(0)).state_dict()}, tmp_path / "weights.pth")
    model = vit(1000, global_pool="avg", fc_norm=True)
    report = load_weights(model, tmp_path / "weights.pth")
    assert set(report.missing) == {"head.weight", "head.bias", "fc_norm.weight", "fc_norm.bias"}
    assert {name for name, _ in report.dropped} == {"norm.weight", "norm.bias"}
    assert float(model.head.weight.detach().std()) == pytest.approx(2e-5, rel=0.05)  # type: ignore[union-attr, arg-type, operator]
    assert not model.head.bias.any()  # type: ignore[union-attr, operator]


def test_a_file_that_averages_is_refused_by_a_model_that_does_not(tmp_path: Path) -> None:
    torch.save({"model": randomise(vit(3, global_pool="avg", fc_norm=True)).state_dict()}, tmp_path / "weights.pth")
    with pytest.raises(WeightsMismatch, match="global_pool='avg'"):
        load_weights(vit(3), tmp_path / "weights.pth")


def test_a_plain_module_without_timms_config_loads(tmp_path: Path) -> None:
    def build(classes: int) -> nn.Module:
        model = nn.Module()
        model.stem = nn.Conv2d(3, 4, 3)
        model.fc = nn.Linear(4, classes)
        return model

    torch.save(build(5).state_dict(), tmp_path / "weights.pth")
    report = load_weights(build(2), tmp_path / "weights.pth")
    assert set(report.loaded) == {"stem.weight", "stem.bias"}
    assert set(report.missing) == {"fc.weight", "fc.bias"}
