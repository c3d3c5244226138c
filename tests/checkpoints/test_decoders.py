"""The decoder in published files: MAE's own, and transformers' in its generations of names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import ViTMAEConfig, ViTMAEForPreTraining

from toprung.checkpoints.decoders import find_decoder, load_decoder
from toprung.checkpoints.files import read_weights
from toprung.errors import WeightsMismatch
from toprung.models.mae import DecoderShape, MaskedAutoencoder
from toprung.models.masking import mask_by_noise

SMALL = DecoderShape(width=24, depth=2, heads=3)
SIZES: dict[str, Any] = {
    "hidden_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 128,
    "image_size": 64,
    "patch_size": 16,
    "decoder_hidden_size": 24,
    "decoder_num_hidden_layers": 2,
    "decoder_num_attention_heads": 3,
    "decoder_intermediate_size": 96,
    "norm_pix_loss": True,
}


def autoencoder(side: int = 64, shape: DecoderShape = SMALL) -> MaskedAutoencoder:
    encoder = timm.create_model("test_vit", num_classes=0, global_pool="token", img_size=side)
    return MaskedAutoencoder(encoder, shape)


def decoder_of(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: p for name, p in module.state_dict().items() if not name.startswith("encoder.")}


def as_facebook_writes(module: MaskedAutoencoder, file: Path) -> Path:
    torch.save({"model": module.encoder.state_dict() | decoder_of(module)}, file)
    return file


def test_of_maes_own_file(tmp_path: Path) -> None:
    torch.manual_seed(1)
    theirs, ours = autoencoder(), autoencoder()
    found = find_decoder(read_weights(as_facebook_writes(theirs, tmp_path / "mae_pretrain_full.pth")))
    assert found is not None
    assert set(load_decoder(ours, found, "it")) == set(decoder_of(ours))
    for name, tensor in decoder_of(theirs).items():
        assert torch.equal(decoder_of(ours)[name], tensor), name


def _library() -> ViTMAEForPreTraining:
    torch.manual_seed(2)
    peer = ViTMAEForPreTraining(ViTMAEConfig(**SIZES)).eval()
    for parameter in peer.parameters():
        nn.init.normal_(parameter, std=0.2)
    return peer


def _on_the_hub(name: str) -> str:
    """Return the name that files on the hub, written by older versions, have for one in memory."""
    renamed = name.replace("attention.o_proj", "attention.output.dense")
    for short, long in {"q_proj": "query", "k_proj": "key", "v_proj": "value"}.items():
        renamed = renamed.replace(f"attention.{short}", f"attention.attention.{long}")
    return renamed.replace("mlp.fc1", "intermediate.dense").replace("mlp.fc2", "output.dense")


@pytest.mark.parametrize("how", ["saved", "memory", "hub"])
def test_of_transformers_files_painting_the_same(how: str, tmp_path: Path) -> None:
    peer, ours = _library(), autoencoder()
    file = tmp_path / "model.safetensors"
    if how == "saved":
        peer.save_pretrained(tmp_path)
    else:
        names = {name: name if how == "memory" else _on_the_hub(name) for name in peer.state_dict()}
        save_file({names[name]: tensor.contiguous() for name, tensor in peer.state_dict().items()}, file)
    found = find_decoder(read_weights(file))
    assert found is not None
    assert not found.leftover
    assert set(found.names) == {name for name in load_file(file) if name.startswith("decoder.")}
    load_decoder(ours, found, "it")
    features = torch.randn(2, 1 + 4, 64)
    noise = torch.rand(2, 16)
    masking = mask_by_noise(noise, 0.75)
    for module in ours.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = 1e-12  # the library's default; a start from its file takes it over
    with torch.no_grad():
        theirs = peer.decoder(features, masking.restore).logits
        assert torch.allclose(ours._decode(features, masking), theirs, atol=1e-4)


def test_a_file_without_a_decoder_has_none(tmp_path: Path) -> None:
    torch.save({"model": autoencoder().encoder.state_dict()}, tmp_path / "encoder.pth")
    assert find_decoder(read_weights(tmp_path / "encoder.pth")) is None


def test_positions_of_another_grid_are_computed_anew(tmp_path: Path) -> None:
    found = find_decoder(read_weights(as_facebook_writes(autoencoder(96), tmp_path / "full.pth")))
    ours = autoencoder()
    before = ours.decoder_pos_embed.clone()
    assert found is not None
    assert "decoder_pos_embed" not in load_decoder(ours, found, "it")
    assert torch.equal(ours.decoder_pos_embed, before)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (DecoderShape(48, 2, 3), r"decoder_embed.weight is \(24, 64\) in the file and \(48, 64\) in the model"),
        (DecoderShape(24, 3, 3), "decoder_blocks.2.norm1.weight is lacking"),
        (DecoderShape(24, 1, 3), "decoder_blocks.1.norm1.weight has no place"),
    ],
)
def test_a_decoder_of_another_size_is_refused_and_nothing_changes(
    shape: DecoderShape, said: str, tmp_path: Path
) -> None:
    found = find_decoder(read_weights(as_facebook_writes(autoencoder(), tmp_path / "full.pth")))
    ours = autoencoder(shape=shape)
    before = {name: tensor.clone() for name, tensor in ours.state_dict().items()}
    assert found is not None
    with pytest.raises(WeightsMismatch, match=f"{said}.*decoder_width=24 and decoder_depth=2"):
        load_decoder(ours, found, "it")
    for name, tensor in ours.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_a_damaged_decoder_is_refused(tmp_path: Path) -> None:
    theirs = autoencoder()
    nn.init.constant_(theirs.decoder_pred.bias, float("nan"))
    found = find_decoder(read_weights(as_facebook_writes(theirs, tmp_path / "full.pth")))
    assert found is not None
    with pytest.raises(WeightsMismatch, match=r"decoder_pred.bias holds NaN"):
        load_decoder(autoencoder(), found, "it")
