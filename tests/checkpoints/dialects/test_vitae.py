"""ViTAE's names are those of its modules; there is no model that they fit, so only the refusal is tried."""

from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn

from toprung.checkpoints.dialects import all_dialects
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.load import load_weights
from toprung.checkpoints.recognise import recognise
from toprung.errors import WeightsMismatch

WIDTH = 16


def names_of(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}


def convolutions(first: int, last: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(first, last, 3), nn.BatchNorm2d(last), nn.SiLU(),
        nn.Conv2d(last, last, 3), nn.BatchNorm2d(last), nn.SiLU(),
        nn.Conv2d(last, last, 3),
    )  # fmt: skip


def block() -> nn.Module:
    return timm.models.vision_transformer.Block(WIDTH, 2, qkv_bias=True)


def tensors(*, reduction: bool = True) -> dict[str, Tensor]:
    """Return ViTAEv2's names, or those of ViTAE-B, L and H, which reduce nothing after the first layer."""
    state: dict[str, Tensor] = {}
    for stage in range(2):
        if reduction:
            state |= names_of(f"layers.{stage}.RC", block())
            state |= names_of(f"layers.{stage}.RC.PCM", convolutions(3, WIDTH))
            state |= names_of(f"layers.{stage}.RC.PRM.convs.0", nn.Sequential(nn.Conv2d(3, WIDTH, 7)))
        state |= names_of(f"layers.{stage}.NC.0", block())
        state |= names_of(f"layers.{stage}.NC.0.PCM", convolutions(WIDTH, WIDTH))
    if not reduction:
        state |= names_of("fc_norm", nn.LayerNorm(WIDTH))
    return state | names_of("head", nn.Linear(WIDTH, 1000))


@pytest.mark.parametrize("prefix", ["", "module.", "backbone."])
@pytest.mark.parametrize("reduction", [True, False])
@pytest.mark.parametrize("name", ["vit_base_patch16_224", "swin_tiny_patch4_window7_224", "resnet50"])
def test_every_model_is_refused_with_the_reason(name: str, reduction: bool, prefix: str, tmp_path: Path) -> None:
    state = {prefix + key: tensor for key, tensor in tensors(reduction=reduction).items()}
    torch.save({"state_dict_ema": state, "epoch": 300}, tmp_path / "vitae.pth.tar")
    with torch.device("meta"):
        model = timm.create_model(name, num_classes=3)
    with pytest.raises(WeightsMismatch, match="ViTAE is not among timm's networks"):
        load_weights(model, tmp_path / "vitae.pth.tar")


def test_no_other_dialect_claims_it() -> None:
    file = WeightsFile(Path("vitae.pth"), "torch", tensors())
    assert [dialect.NAME for dialect in all_dialects() if dialect.recognise(file)] == ["ViTAE"]
    found = recognise(file)
    assert found is not None
    assert found.dialect.translate(file, None).unfit


def test_a_plain_one_pretrained_by_mae_is_refused_with_the_reason_too(tmp_path: Path) -> None:
    """Its blocks have timm's names beside the branch of convolutions, and the tensors lie under ``model`` as MAE's."""
    model = timm.create_model("test_vit", num_classes=0)
    state = model.state_dict() | names_of("blocks.0.PCM", convolutions(64, 64))
    torch.save({"model": state}, tmp_path / "mae_vitae_base_pretrain.pth")
    with pytest.raises(WeightsMismatch, match="ViTAE is not among timm's networks"):
        load_weights(model, tmp_path / "mae_vitae_base_pretrain.pth")
