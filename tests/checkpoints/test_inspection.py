"""What `inspect` tells of files whose truth is known."""

import json
from pathlib import Path

import pytest
import timm
import torch

from tests.checkpoints.examples.toprung_run import saved_with
from toprung.checkpoints.inspection import inspect_weights, planned_load
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch
from toprung.models.catalogue import build_empty


@pytest.mark.parametrize(
    ("name", "patch", "width", "depth", "size"),
    [
        ("vit_tiny_patch16_224", 16, 192, 12, 224),
        ("vit_tiny_patch16_384", 16, 192, 12, 384),
        ("vit_small_patch32_224", 32, 384, 12, 224),
    ],
)
def test_a_vits_geometry_and_name(tmp_path: Path, name: str, patch: int, width: int, depth: int, size: int) -> None:
    model = timm.create_model(name, num_classes=21)
    torch.save({"state_dict": model.state_dict(), "epoch": 4}, tmp_path / "weights.pth")
    found = inspect_weights(tmp_path / "weights.pth")
    assert found.geometry is not None
    assert (found.geometry.patch, found.geometry.width, found.geometry.depth) == (patch, width, depth)
    assert (found.geometry.image_size, found.geometry.classes, found.geometry.tokens) == (size, 21, 1)
    assert found.geometry.parameters == sum(p.numel() for p in model.parameters())
    assert found.fits[0] == name
    assert (found.dialect, found.taken, found.entries["epoch"]) == ("timm", "state_dict", 4)
    json.dumps(found.to_json(), default=str)


def test_a_vit_of_a_size_that_no_name_has_is_told_with_it(tmp_path: Path) -> None:
    model = timm.create_model("vit_tiny_patch16_224", num_classes=3, img_size=64)
    torch.save(model.state_dict(), tmp_path / "weights.pth")
    fits = inspect_weights(tmp_path / "weights.pth").fits
    assert fits[0] == "vit_tiny_patch16_224, img_size=64"
    assert len(set(fits)) == len(fits)


def test_a_run_is_named_once(tmp_path: Path) -> None:
    saved_with(tmp_path, ("a", "b"))
    assert inspect_weights(tmp_path / "model.safetensors").fits.count("test_vit") == 1


@pytest.mark.parametrize("name", ["resnet18", "convnext_atto", "efficientnet_lite0", "swin_tiny_patch4_window7_224"])
def test_other_architectures_are_named(tmp_path: Path, name: str) -> None:
    torch.save(timm.create_model(name, num_classes=3).state_dict(), tmp_path / "weights.pth")
    found = inspect_weights(tmp_path / "weights.pth")
    assert name in found.fits


def test_an_mae_file_tells_its_purpose_and_licence(tmp_path: Path) -> None:
    state = timm.create_model("vit_tiny_patch16_224", num_classes=0).state_dict()
    torch.save({"model": state}, tmp_path / "mae.pth")
    found = inspect_weights(tmp_path / "mae.pth")
    assert found.dialect == "MAE"
    assert "no classifier" in found.trained_for
    assert "CC-BY-NC" in found.licence
    assert found.preprocessing["mean"] == (0.485, 0.456, 0.406)


def test_unhealthy_tensors_are_listed(tmp_path: Path) -> None:
    state = timm.create_model("vit_tiny_patch16_224", num_classes=5).state_dict()
    state["blocks.3.attn.qkv.weight"] = state["blocks.3.attn.qkv.weight"].clone()
    state["blocks.3.attn.qkv.weight"][1, 2] = float("nan")
    state["head.weight"] = torch.zeros_like(state["head.weight"])
    torch.save(state, tmp_path / "weights.pth")
    unhealthy = dict(inspect_weights(tmp_path / "weights.pth").unhealthy)
    assert unhealthy["blocks.3.attn.qkv.weight"] == "1 of 110592 values are NaN or infinite"
    assert unhealthy["head.weight"] == "all zeros"


def strange(folder: Path) -> Path:
    """A ResNet-18 under names that nobody uses."""
    state = timm.create_model("resnet18", num_classes=6).state_dict()
    renamed = {name.replace("layer", "stufe").replace("conv", "faltung"): t for name, t in state.items()}
    torch.save(renamed, folder / "strange.pth")
    return folder / "strange.pth"


def test_unknown_names_get_a_proposal_that_is_used_only_when_accepted(tmp_path: Path) -> None:
    file = strange(tmp_path)
    found = inspect_weights(file)
    assert found.dialect == ""
    assert dict(found.proposals).keys() >= {"resnet18"}
    with pytest.raises(WeightsMismatch, match="no other project's names"):
        load_weights(build_empty("resnet18", 6, {}), file)
    model = build_empty("resnet18", 3, {})
    report = load_weights(model, file, accept_proposal=True)
    assert report.dialect == "names matched by shape and order"
    assert torch.equal(model.layer3[1].conv2.weight, torch.load(file)["stufe3.1.faltung2.weight"])  # type: ignore[index, union-attr, arg-type]


@pytest.mark.parametrize("spoil", ["order", "shape", "kind"])
def test_what_contradicts_a_proposal_ends_it(tmp_path: Path, spoil: str) -> None:
    file = strange(tmp_path)
    state = torch.load(file)
    names = list(state)
    if spoil == "order":
        names[0], names[6] = names[6], names[0]
        state = {name: state[name] for name in names}
    elif spoil == "shape":
        state[names[0]] = torch.zeros(64, 3, 5, 5)
    else:  # two tensors of the same shape whose names are exchanged
        a, b = "stufe1.0.bn1.weight", "stufe1.0.bn1.bias"
        state = {{a: b, b: a}.get(name, name): tensor for name, tensor in state.items()}
    torch.save(state, file)
    assert inspect_weights(file).proposals == ()
    with pytest.raises(WeightsMismatch):
        load_weights(build_empty("resnet18", 3, {}), file, accept_proposal=True)


def test_a_planned_load_is_the_load(tmp_path: Path) -> None:
    torch.save(timm.create_model("test_vit", num_classes=5).state_dict(), tmp_path / "weights.pth")
    planned = planned_load(tmp_path / "weights.pth", "test_vit", 9)
    assert planned == load_weights(build_empty("test_vit", 9, {}), tmp_path / "weights.pth")
