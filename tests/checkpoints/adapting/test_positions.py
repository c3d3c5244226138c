"""Position embeddings against timm's own resize, torch's, and identities that hold for every answer."""

from pathlib import Path

import pytest
import timm
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from timm.layers import resample_abs_pos_embed
from torch import nn

from tests.checkpoints.examples import randomise
from toprung.checkpoints.adapting.positions import resize_grid
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch
from toprung.models.catalogue import evaluating

SIZES = {"embed_dim": 24, "depth": 1, "num_heads": 2, "patch_size": 8}


def vit(side: int | tuple[int, int], num_classes: int = 0, **arguments: object) -> nn.Module:
    return timm.create_model("vit_base_patch16_224", img_size=side, num_classes=num_classes, **(SIZES | arguments))


def answers(model: nn.Module, pictures: torch.Tensor) -> torch.Tensor:
    with torch.no_grad(), evaluating(model):
        return model.forward_features(pictures)  # type: ignore[no-any-return, operator]


@given(
    before=st.tuples(st.integers(2, 9), st.integers(2, 9)),
    after=st.tuples(st.integers(2, 9), st.integers(2, 9)),
    antialias=st.booleans(),
)
def test_a_resized_grid_is_timms(before: tuple[int, int], after: tuple[int, int], antialias: bool) -> None:
    rows = torch.randn(1, before[0] * before[1], 6)
    found = resize_grid(rows, before, after, antialias=antialias)
    wanted = resample_abs_pos_embed(rows, list(after), list(before), num_prefix_tokens=0, antialias=antialias)
    torch.testing.assert_close(found, wanted)


@given(side=st.integers(2, 8), other=st.integers(2, 8), antialias=st.booleans())
def test_a_constant_stays_a_constant(side: int, other: int, antialias: bool) -> None:
    rows = torch.full((1, side * side, 3), 0.7)
    found = resize_grid(rows, (side, side), (other, other), antialias=antialias)
    torch.testing.assert_close(found, torch.full((1, other * other, 3), 0.7))


def test_a_timm_file_is_antialiased_and_the_class_row_kept(tmp_path: Path) -> None:
    peer = randomise(vit(64, 5))
    torch.save(peer.state_dict(), tmp_path / "weights.pth")
    model = vit(32, 5)
    report = load_weights(model, tmp_path / "weights.pth")
    wanted = resample_abs_pos_embed(peer.pos_embed, [4, 4], num_prefix_tokens=1, antialias=True)  # type: ignore[arg-type]
    torch.testing.assert_close(model.pos_embed.data, wanted)  # type: ignore[union-attr]
    [resized] = report.resized
    assert (resized.before, resized.after) == ((1, 65, 24), (1, 17, 24))
    assert "bicubic, antialiased, grid 8×8 -> 4×4" in resized.method


def test_an_mae_file_is_not_antialiased(tmp_path: Path) -> None:
    peer = randomise(vit(64))
    torch.save({"model": peer.state_dict()}, tmp_path / "weights.pth")
    model = vit(32)
    report = load_weights(model, tmp_path / "weights.pth")
    image = peer.pos_embed[:, 1:].reshape(1, 8, 8, 24).permute(0, 3, 1, 2)  # type: ignore[index]
    wanted = F.interpolate(image, size=(4, 4), mode="bicubic", align_corners=False).permute(0, 2, 3, 1).flatten(1, 2)
    torch.testing.assert_close(model.pos_embed[:, 1:].data, wanted)  # type: ignore[index]
    assert "not antialiased" in report.resized[0].method


def test_a_grid_that_is_not_square(tmp_path: Path) -> None:
    peer = randomise(vit(64, 5))
    torch.save(peer.state_dict(), tmp_path / "weights.pth")
    model = vit((32, 96), 5)
    load_weights(model, tmp_path / "weights.pth")
    wanted = resample_abs_pos_embed(peer.pos_embed, [4, 12], num_prefix_tokens=1, antialias=True)  # type: ignore[arg-type]
    torch.testing.assert_close(model.pos_embed.data, wanted)  # type: ignore[union-attr]


def test_a_file_of_the_models_own_oblong_grid_is_left_alone(tmp_path: Path) -> None:
    peer = randomise(vit((32, 72), 5))
    torch.save(peer.state_dict(), tmp_path / "weights.pth")
    model = vit((32, 72), 5)
    assert load_weights(model, tmp_path / "weights.pth").resized == ()
    assert torch.equal(model.pos_embed, peer.pos_embed)  # type: ignore[arg-type]


@pytest.mark.parametrize("slots_in_file", [True, False])
def test_class_slots_are_folded_or_added_without_changing_an_answer(tmp_path: Path, slots_in_file: bool) -> None:
    peer = randomise(vit(32, 5, no_embed_class=not slots_in_file))
    torch.save(peer.state_dict(), tmp_path / "weights.pth")
    model = vit(32, 5, no_embed_class=slots_in_file)
    report = load_weights(model, tmp_path / "weights.pth")
    pictures = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(answers(model, pictures), answers(peer, pictures))
    assert len(report.resized) == 1


def test_rows_that_make_no_grid_are_refused(tmp_path: Path) -> None:
    state = randomise(vit(32, 5)).state_dict()
    state["pos_embed"] = torch.randn(1, 12, 24)
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(WeightsMismatch, match="pos_embed is"):
        load_weights(vit(64, 5), tmp_path / "weights.pth")
