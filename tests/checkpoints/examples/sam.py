"""Segment Anything's picture encoder. transformers' SamVisionEncoder gives the features; its tensors are written under
the project's names."""

from functools import partial
from pathlib import Path

import timm
import torch
from torch import Tensor, nn
from transformers import SamVisionConfig
from transformers.models.sam.modeling_sam import SamVisionEncoder

from . import Example, Made, randomise

State = dict[str, Tensor]
NAMES = {
    "layers.": "blocks.",
    "layer_norm1.": "norm1.",
    "layer_norm2.": "norm2.",
    "patch_embed.projection.": "patch_embed.proj.",
    "neck.conv1.": "neck.0.",
    "neck.layer_norm1.": "neck.1.",
    "neck.conv2.": "neck.2.",
    "neck.layer_norm2.": "neck.3.",
}


def peer() -> nn.Module:
    config = SamVisionConfig(
        hidden_size=48,
        output_channels=24,
        num_hidden_layers=3,
        num_attention_heads=4,
        image_size=64,
        patch_size=8,
        window_size=3,  # does not divide 8, so that windows are padded
        global_attn_indexes=[1],
        mlp_dim=192,
    )
    return randomise(SamVisionEncoder(config))


def official(network: nn.Module, prefix: str) -> State:
    state = {}
    for name, tensor in network.state_dict().items():
        renamed = name
        for theirs in sorted(NAMES, key=len, reverse=True):
            renamed = renamed.replace(theirs, NAMES[theirs])
        state[prefix + renamed] = tensor
    return state


def features(network: nn.Module, x: Tensor) -> Tensor:
    return network(x).last_hidden_state  # type: ignore[no-any-return]


def whole(folder: Path) -> Made:
    network = peer()
    state = official(network, "image_encoder.")
    state |= {
        "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix": torch.randn(2, 8),
        "prompt_encoder.point_embeddings.0.weight": torch.randn(1, 24),
        "mask_decoder.iou_token.weight": torch.randn(1, 24),
        "mask_decoder.transformer.layers.0.mlp.lin1.weight": torch.randn(8, 24),
    }
    torch.save(state, folder / "sam_vit_b_01ec64.pth")
    return Made(folder / "sam_vit_b_01ec64.pth", partial(features, network))


def encoder(folder: Path) -> Made:
    network = peer()
    torch.save(official(network, ""), folder / "sam_vit_b_image_encoder.pth")
    return Made(folder / "sam_vit_b_image_encoder.pth", partial(features, network))


def model() -> nn.Module:
    # another number of heads could not even be built: the relative tables are as wide as a head
    return timm.create_model(
        "samvit_base_patch16",
        num_classes=7,
        img_size=64,
        patch_size=8,
        embed_dim=48,
        depth=3,
        num_heads=4,
        window_size=3,
        global_attn_indexes=(1,),
        neck_chans=24,
    )


EXAMPLES = [
    Example("SAM, whole", "SAM", whole, model, input_size=(3, 64, 64)),
    Example("SAM, encoder alone", "SAM", encoder, model, input_size=(3, 64, 64)),
]
