"""MMPretrain's ViTs. MMPretrain needs mmcv, which does not install here; the names are those of its modules, and the
forward pass is the families' own one, written from the papers."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
import torch.nn.functional as F
from torch import Tensor

from . import Example, Made, randomise
from ._vit_forward import Family, State, forward, gated, made_up, with_scale

DIALECT = "MMPretrain ViT"
SIZES: dict[str, Any] = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3}
SCALE = "ls{}.gamma"
PARTS = {
    "norm1": "ln1",
    "norm2": "ln2",
    "ls1.gamma": "attn.gamma1.weight",
    "ls2.gamma": "ffn.gamma2.weight",
    "mlp.fc1": "ffn.layers.0.0",
    "mlp.fc2": "ffn.layers.1",
    "mlp.w12": "ffn.w12",
    "mlp.w3": "ffn.w3",
}


def model(name: str = "vit_base_patch16_224", **arguments: Any) -> Any:
    return timm.create_model(name, num_classes=7, **(SIZES | arguments))


def theirs(name: str) -> str:
    block = re.match(r"blocks\.(\d+)\.", name)
    if block:
        rest = name.removeprefix(block[0])
        for ours, part in PARTS.items():
            if rest.startswith(ours):
                rest = part + rest.removeprefix(ours)
                break
        return f"layers.{block[1]}.{rest}"
    name = name.replace("patch_embed.proj.", "patch_embed.projection.")
    return re.sub(r"^fc_norm\.", "ln2.", re.sub(r"^norm\.", "ln1.", name))


def linear(name: str, out: int, inner: int = 48) -> State:
    return {f"{name}.weight": torch.randn(out, inner), f"{name}.bias": torch.randn(out)}


def save(folder: Path, state: State, beside: State, prefix: str = "backbone.", mean: float = 127.5) -> Path:
    named = {prefix + theirs(name): tensor for name, tensor in state.items()} | beside
    cfg = f"data_preprocessor = dict(mean=[{mean}], to_rgb=True)"
    torch.save({"meta": {"mmpretrain_version": "1.0.0", "cfg": cfg}, "state_dict": named}, folder / "vit.pth")
    return folder / "vit.pth"


def classifier(folder: Path, pre_logits: bool = False, neck: bool = False) -> Made:
    state = made_up(48, 4)
    beside = linear("head.layers.head", 11)
    if pre_logits:
        beside = linear("head.layers.pre_logits", 24) | linear("head.layers.head", 11, 24)
    if neck:
        beside = linear("neck.decoder_embed", 32) | {"neck.mask_token": torch.randn(1, 1, 32)}
    return Made(save(folder, state, beside), lambda x: forward(state, x, Family(heads=3)))


def distilled(folder: Path) -> Made:
    state = made_up(48, 4, slots=2)
    state["dist_token"] = torch.randn(1, 1, 48, generator=torch.Generator().manual_seed(8))
    beside = linear("head.layers.head", 11) | linear("head.layers.head_dist", 11)
    family = Family(heads=3, slots=2, tokens=("cls_token", "dist_token"))
    return Made(save(folder, state, beside, mean=123.675), lambda x: forward(state, x, family))


def scaled(folder: Path, giant: bool = False) -> Made:
    state = with_scale(made_up(48, 4), SCALE)
    if giant:
        state = gated(state, 64, ("w12", "w3"))
    return Made(save(folder, state, {}, prefix=""), lambda x: forward(state, x, Family(heads=3, scale=SCALE)))


def without_row(folder: Path) -> Made:
    """DeiT III adds positions before it puts the class token in front."""
    state = with_scale(made_up(48, 4, slots=0), SCALE)
    beside = linear("head.layers.head", 11)
    family = Family(heads=3, slots=0, scale=SCALE)
    return Made(save(folder, state, beside, mean=123.675), lambda x: forward(state, x, family))


def averaging(folder: Path) -> Made:
    peer: Any = randomise(model(global_pool="avg"))

    def features(x: Tensor) -> Tensor:
        tokens = peer.norm_pre(peer._pos_embed(peer.patch_embed(x)))
        mean = peer.blocks(tokens)[:, 1:].mean(dim=1)
        return F.layer_norm(mean, (48,), state["fc_norm.weight"], state["fc_norm.bias"], 1e-6)

    state = {name: tensor for name, tensor in peer.state_dict().items() if not name.startswith("head")}
    return Made(save(folder, state, linear("head.fc", 11)), features)


def pooled(network: Any, x: Tensor) -> Tensor:
    found = network.forward_head(network.forward_features(x), pre_logits=True)
    assert isinstance(found, Tensor)
    return found


deit = partial(model, "deit_base_distilled_patch16_224")
deit3 = partial(model, "deit3_small_patch16_224")
dinov2 = partial(model, "vit_small_patch14_dinov2")
giant = partial(model, "vit_giant_patch14_dinov2", mlp_ratio=8 / 3)

EXAMPLES = [
    Example("MMPretrain ViT, classifier", DIALECT, classifier, model),
    Example("MMPretrain ViT, pre_logits", DIALECT, partial(classifier, pre_logits=True), model),
    Example("MMPretrain ViT, pretraining", DIALECT, partial(classifier, neck=True), model),
    Example("MMPretrain ViT, distilled", DIALECT, distilled, deit),
    Example("MMPretrain ViT, DeiT III", DIALECT, without_row, deit3),
    Example("MMPretrain ViT, layer scale and bare", DIALECT, scaled, dinov2),
    Example("MMPretrain ViT, giant", DIALECT, partial(scaled, giant=True), giant),
    Example("MMPretrain ViT, averaging", DIALECT, averaging, partial(model, global_pool="avg"), pooled),
]
