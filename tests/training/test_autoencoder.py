"""What a pretraining starts from: nothing, an encoder, encoder and decoder; against transformers with equal weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import ViTMAEConfig, ViTMAEForPreTraining

from toprung.errors import ModelError, WeightsMismatch
from toprung.models.sincos import sincos_positions
from toprung.training.autoencoder import (
    AUTOENCODER_FILE,
    read_autoencoder,
    rebuilt_autoencoder,
    starting_autoencoder,
    write_autoencoder,
)
from toprung.training.presets import preset
from toprung.training.recipe import Recipe

SETTINGS: dict[str, Any] = {
    "model.name": "test_vit",
    "model.img_size": 64,
    "pretraining.decoder_width": 24,
    "pretraining.decoder_depth": 2,
    "pretraining.decoder_heads": 3,
}


def recipe(**changes: Any) -> Recipe:
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return preset("mae-pretrain-small").with_settings(SETTINGS | named)


def test_from_scratch_positions_are_sincos_and_a_seed_fixes_all() -> None:
    one, again = starting_autoencoder(recipe()), starting_autoencoder(recipe())
    other = starting_autoencoder(recipe(seed=1))
    assert torch.equal(one.module.encoder.pos_embed, sincos_positions(64, (4, 4), slots=1))
    assert one.start.report is None
    assert one.decoder.startswith("new, 2 blocks of width 24")
    for name, tensor in one.module.state_dict().items():
        assert torch.equal(tensor, again.module.state_dict()[name]), name
    assert not torch.equal(one.module.encoder.cls_token, other.module.encoder.cls_token)


def transformers_file(folder: Path, *, activation: str = "gelu") -> ViTMAEForPreTraining:
    torch.manual_seed(0)
    config = ViTMAEConfig(
        hidden_size=192,
        num_hidden_layers=12,
        num_attention_heads=3,
        intermediate_size=768,
        image_size=64,
        patch_size=16,
        hidden_act=activation,
        decoder_hidden_size=24,
        decoder_num_hidden_layers=2,
        decoder_num_attention_heads=3,
        decoder_intermediate_size=96,
        norm_pix_loss=True,
    )
    peer = ViTMAEForPreTraining(config).eval()
    for name, parameter in peer.named_parameters():
        nn.init.normal_(parameter, std=0.1)
        if "position" in name or "pos_embed" in name:
            parameter.data.copy_(sincos_positions(parameter.shape[2], (4, 4), slots=1))
    peer.save_pretrained(folder)
    return peer


@pytest.mark.parametrize("activation", ["gelu", "quick_gelu"])
def test_the_loss_is_transformers_with_the_same_weights_and_noise(activation: str, tmp_path: Path) -> None:
    peer = transformers_file(tmp_path, activation=activation)
    begun = starting_autoencoder(recipe(model__name="vit_tiny_patch16_224", model__weights=str(tmp_path)))
    images, noise = torch.randn(4, 3, 64, 64), torch.rand(4, 16)
    with torch.no_grad():
        ours = begun.module.eval()(images, noise)
        theirs = peer(pixel_values=images, noise=noise)
    assert torch.allclose(ours.mean(), theirs.loss, rtol=1e-5)
    assert torch.equal(ours, begun.module.reconstruct(images, noise).losses)
    report = begun.start.report
    assert report is not None
    assert not report.dropped
    assert not report.missing
    assert "decoder_blocks.1.attn.qkv.weight" in report.loaded
    assert begun.decoder.startswith(f"from {tmp_path}")
    again = rebuilt_autoencoder("vit_tiny_patch16_224", begun.start.arguments, recipe())
    again.load_state_dict(begun.module.state_dict())
    with torch.no_grad():
        assert torch.equal(again.eval()(images, noise), ours)  # activation and epsilon come back too


def test_what_is_written_is_read_back_and_starts_another_pretraining(tmp_path: Path) -> None:
    begun = starting_autoencoder(recipe(seed=3))
    file = tmp_path / "model.safetensors"
    write_autoencoder(file, begun.module)
    other = starting_autoencoder(recipe()).module
    read_autoencoder(file, other)
    from_file = starting_autoencoder(recipe(model__weights=str(tmp_path / AUTOENCODER_FILE)))
    beside = starting_autoencoder(recipe(model__weights=str(file)))
    for name, tensor in begun.module.state_dict().items():
        for found in (other, from_file.module, beside.module):
            assert torch.equal(tensor, found.state_dict()[name]), name
    fresh = starting_autoencoder(recipe(model__weights=str(file), pretraining__decoder="fresh"))
    assert "a fresh one was asked for" in fresh.decoder
    assert torch.equal(fresh.module.encoder.cls_token, begun.module.encoder.cls_token)
    assert not torch.equal(fresh.module.mask_token, begun.module.mask_token)


def test_the_encoders_file_is_a_plain_timm_state(tmp_path: Path) -> None:
    module = starting_autoencoder(recipe()).module
    write_autoencoder(tmp_path / "model.safetensors", module)
    peer = timm.create_model("test_vit", num_classes=0, img_size=64)
    peer.load_state_dict(load_file(tmp_path / "model.safetensors"), strict=True)
    full = load_file(tmp_path / AUTOENCODER_FILE)
    assert {"cls_token", "mask_token", "decoder_embed.weight", "decoder_pos_embed", "blocks.0.attn.qkv.weight"} <= set(
        full
    )


def test_an_encoder_only_gets_a_fresh_decoder_and_it_is_said(tmp_path: Path) -> None:
    peer = timm.create_model("test_vit", num_classes=0, img_size=64)
    torch.save({"model": peer.state_dict()}, tmp_path / "mae_pretrain.pth")
    begun = starting_autoencoder(recipe(model__weights=str(tmp_path / "mae_pretrain.pth")))
    assert begun.decoder.endswith("holds an encoder only")
    assert torch.equal(begun.module.encoder.pos_embed, peer.pos_embed)  # learned positions stay, and learn no more
    assert not begun.module.encoder.pos_embed.requires_grad


def test_a_fine_tuned_classifier_loses_its_head(tmp_path: Path) -> None:
    peer = timm.create_model("test_vit", num_classes=7, img_size=64)
    save_file(peer.state_dict(), tmp_path / "tuned.safetensors")
    begun = starting_autoencoder(recipe(model__weights=str(tmp_path / "tuned.safetensors")))
    assert begun.start.report is not None
    assert dict(begun.start.report.dropped).keys() == {"head.weight", "head.bias"}
    assert torch.equal(begun.module.encoder.norm.weight, peer.norm.weight)


def test_one_that_pools_by_average_gets_a_fresh_last_norm(tmp_path: Path) -> None:
    peer = timm.create_model("test_vit", num_classes=7, img_size=64, global_pool="avg")
    torch.save({"model": peer.state_dict()}, tmp_path / "tuned.pth")
    weights = str(tmp_path / "tuned.pth")
    with pytest.raises(WeightsMismatch, match=r"model\.global_pool=avg"):
        starting_autoencoder(recipe(model__weights=weights))
    begun = starting_autoencoder(recipe(model__weights=weights, model__global_pool="avg"))
    assert begun.start.arguments["global_pool"] == "token"
    assert begun.start.report is not None
    assert {"norm.weight", "norm.bias"} <= set(begun.start.report.missing)
    assert "fc_norm.weight" in dict(begun.start.report.dropped)
    names = timm.create_model("test_vit", num_classes=0, img_size=64, global_pool="token").state_dict().keys()
    assert begun.module.encoder.state_dict().keys() == names


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet"])
def test_what_is_no_plain_vit_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="plain ViT"):
        starting_autoencoder(recipe(model__name=name))
