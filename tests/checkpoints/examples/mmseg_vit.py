"""MMSegmentation's ViT; it needs mmcv, which does not install here. The network is put together here from PyTorch's own
attention, as mmcv does, with MMSegmentation's names."""

from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from . import Example, Made, randomise

DIALECT = "MMSegmentation ViT"
WIDTH, HEADS, GRID, PATCH = 48, 3, 4, 8


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        found, _ = self.attn(x, x, x)
        assert isinstance(found, Tensor)
        return found


class FFN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        first = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Dropout(0.0))
        self.layers = nn.Sequential(first, nn.Linear(4 * WIDTH, WIDTH), nn.Dropout(0.0))


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(WIDTH, eps=1e-6), nn.LayerNorm(WIDTH, eps=1e-6)
        self.attn, self.ffn = Attention(), FFN()

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln1(x))
        found = x + self.ffn.layers(self.ln2(x))
        assert isinstance(found, Tensor)
        return found


class Network(nn.Module):
    def __init__(self, final_norm: bool) -> None:
        super().__init__()
        self.patch_embed = nn.ModuleDict({"projection": nn.Conv2d(3, WIDTH, PATCH, PATCH)})
        self.cls_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.pos_embed = nn.Parameter(torch.zeros(1, GRID**2 + 1, WIDTH))
        self.layers = nn.ModuleList([Layer(), Layer()])
        if final_norm:
            self.ln1 = nn.LayerNorm(WIDTH, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch_embed["projection"](x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1) + self.pos_embed
        for layer in self.layers:
            x = layer(x)
        return self.ln1(x) if hasattr(self, "ln1") else x


def write(folder: Path, final_norm: bool = True, prefix: str = "backbone.", config: str = "") -> Made:
    network = randomise(Network(final_norm))
    state = {prefix + name: tensor for name, tensor in network.state_dict().items()}
    if prefix:
        state |= {
            "decode_head.conv_seg.weight": torch.randn(5, 48, 1, 1),
            "auxiliary_head.conv_seg.bias": torch.ones(5),
        }
    meta = {"mmseg_version": "1.2.2"} | ({"cfg": config} if config else {})
    torch.save({"meta": meta, "state_dict": state}, folder / "upernet_vit.pth")
    return Made(folder / "upernet_vit.pth", network)


def model(**arguments: Any) -> nn.Module:
    sizes = {"img_size": PATCH * GRID, "patch_size": PATCH, "embed_dim": WIDTH, "depth": 2, "num_heads": HEADS}
    return timm.create_model("vit_base_patch16_224", num_classes=7, **(sizes | arguments))


EXAMPLES = [
    Example("MMSegmentation ViT", DIALECT, write, model),
    Example("MMSegmentation ViT, bare", DIALECT, partial(write, prefix=""), model),
    Example(
        "MMSegmentation ViT without the last norm",
        DIALECT,
        partial(write, final_norm=False),
        partial(model, final_norm=False),
    ),
]
