"""MAE's files (facebookresearch/mae). Its models are timm's VisionTransformer of 2021; the forward pass here is written
down from models_vit.py's description in the paper: no masking, all patches, the class token first."""

import argparse
from pathlib import Path

import timm
import torch
from torch import Tensor, nn

from . import Example, Made, randomise

SIZES = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3}


def model(**arguments: object) -> nn.Module:
    return timm.create_model("vit_base_patch16_224", num_classes=7, **(SIZES | arguments))


def encoder() -> nn.Module:
    return randomise(timm.create_model("vit_base_patch16_224", num_classes=0, **SIZES))


def decoder(width: int = 32) -> dict[str, Tensor]:
    block = timm.models.vision_transformer.Block(width, 4, qkv_bias=True)
    return {
        "mask_token": torch.randn(1, 1, width),
        "decoder_pos_embed": torch.randn(1, 17, width),
        "decoder_embed.weight": torch.randn(width, 48),
        "decoder_embed.bias": torch.randn(width),
        **{f"decoder_blocks.0.{name}": tensor for name, tensor in block.state_dict().items()},
        "decoder_norm.weight": torch.randn(width),
        "decoder_norm.bias": torch.randn(width),
        "decoder_pred.weight": torch.randn(192, width),
        "decoder_pred.bias": torch.randn(192),
    }


def pretrain(folder: Path) -> Made:
    peer = encoder()
    torch.save({"model": peer.state_dict()}, folder / "mae_pretrain_vit_tiny.pth")
    return Made(folder / "mae_pretrain_vit_tiny.pth", peer.forward_features)  # type: ignore[arg-type]


def full(folder: Path) -> Made:
    peer = encoder()
    file = folder / "mae_pretrain_vit_tiny_full.pth"
    torch.save({"model": peer.state_dict() | decoder()}, file)
    return Made(file, peer.forward_features)  # type: ignore[arg-type]


def training(folder: Path) -> Made:
    peer = encoder()
    args = argparse.Namespace(mask_ratio=0.75, norm_pix_loss=True, output_dir=Path("out"))
    optimizer = torch.optim.AdamW(peer.parameters()).state_dict()
    file = folder / "checkpoint-799.pth"
    torch.save({"model": peer.state_dict() | decoder(), "optimizer": optimizer, "epoch": 799, "args": args}, file)
    return Made(file, peer.forward_features)  # type: ignore[arg-type]


def finetuned(folder: Path) -> Made:
    peer = randomise(timm.create_model("vit_base_patch16_224", num_classes=1000, global_pool="avg", **SIZES))
    file = folder / "mae_finetuned_vit_tiny.pth"
    torch.save({"model": peer.state_dict()}, file)
    return Made(file, lambda x: peer.forward_head(peer.forward_features(x), pre_logits=True))  # type: ignore[operator]


def linear_probe(folder: Path) -> Made:
    peer = randomise(timm.create_model("vit_base_patch16_224", num_classes=0, **SIZES))
    head = nn.Sequential(nn.BatchNorm1d(48, affine=False, eps=1e-6), nn.Linear(48, 1000))
    state = peer.state_dict() | {f"head.{name}": tensor for name, tensor in head.state_dict().items()}
    torch.save({"model": state, "epoch": 89}, folder / "mae_linprobe.pth")
    return Made(folder / "mae_linprobe.pth", peer.forward_features)  # type: ignore[arg-type]


EXAMPLES = [
    Example("MAE, encoder only", "MAE", pretrain, model),
    Example("MAE, with decoder", "MAE", full, model),
    Example("MAE, a training's checkpoint", "MAE", training, model),
    Example(
        "MAE, fine-tuned",
        "MAE",
        finetuned,
        lambda: model(global_pool="avg"),
        lambda m, x: m.forward_head(m.forward_features(x), pre_logits=True),  # type: ignore[operator]
    ),
    Example("MAE, linear probe", "MAE", linear_probe, model),
]
