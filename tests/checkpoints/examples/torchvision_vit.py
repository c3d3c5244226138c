"""ViTs of torchvision, made by torchvision itself; the names of 2021 are put in the place of today's."""

from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torchvision.models.vision_transformer import VisionTransformer

from . import Example, Made, randomise

DIALECT = "torchvision ViT"


def model() -> nn.Module:
    return timm.create_model(
        "vit_base_patch16_224", num_classes=7, img_size=32, patch_size=8, embed_dim=48, depth=2, num_heads=3
    )


def peer(**arguments: Any) -> Any:
    return randomise(
        VisionTransformer(
            image_size=32, patch_size=8, num_layers=2, num_heads=3, hidden_dim=48, mlp_dim=192, **arguments
        )
    )


def features(network: Any, x: Tensor) -> Tensor:
    tokens = network._process_input(x)
    found = network.encoder(torch.cat([network.class_token.expand(len(tokens), -1, -1), tokens], dim=1))
    assert isinstance(found, Tensor)
    return found


def old(name: str) -> str:
    return name.replace(".mlp.0.", ".mlp.linear_1.").replace(".mlp.3.", ".mlp.linear_2.")


def write(folder: Path, names_of_2021: bool = False, file: str = "vit_b_16-c867db91.pth", **arguments: Any) -> Made:
    network = peer(**arguments)
    state = {old(name) if names_of_2021 else name: tensor for name, tensor in network.state_dict().items()}
    torch.save(state, folder / file)
    return Made(folder / file, partial(features, network))


EXAMPLES = [
    Example("torchvision ViT, as published", DIALECT, partial(write, names_of_2021=True), model),
    Example("torchvision ViT, as written today", DIALECT, write, model),
    Example("torchvision ViT, SWAG", DIALECT, partial(write, names_of_2021=True, file="vit_b_16_swag-9ac1.pth"), model),
    Example("torchvision ViT, pre_logits", DIALECT, partial(write, representation_size=24), model),
]
