"""Write stand-ins for the public weights files of the ladder: their names, tensors and shapes, with random values.

    python scripts/ladder_weights.py FOLDER [NAME ...]

No hub is needed, so that `toprung inspect` can be tried on every file that docs/weights.md tells of. The values are
random: nothing can be classified with them. All of them together take 12 GB.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

State = dict[str, Tensor]


def main() -> None:
    """Write the files that are asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(FILES)}")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or FILES:
        file = arguments.folder / name
        if not file.exists():
            torch.save(FILES[name](), file)
        print(f"{file}  {file.stat().st_size / 1e6:,.0f} MB", flush=True)


def timms(name: str, **arguments: Any) -> State:
    """Return the tensors of a timm model."""
    return timm.create_model(name, **arguments).state_dict()


def in21k() -> State:
    """Return ViT-L/32 for ImageNet-21k: with pre_logits, and a head of zeros."""
    state = timms("vit_large_patch32_224", num_classes=21843)
    state["head.weight"].zero_()
    return state | {"pre_logits.fc.weight": torch.randn(1024, 1024) / 32, "pre_logits.fc.bias": torch.zeros(1024)}


def mae(name: str, *, decoder: bool = False) -> dict[str, State]:
    """Return MAE's pretraining: the encoder, with or without its decoder of 8 blocks, 512 wide."""
    state = timms(name, num_classes=0)
    if decoder:
        rows, width, patch = state["pos_embed"].shape[1], state["pos_embed"].shape[2], 16
        blocks = nn.ModuleList(timm.models.vision_transformer.Block(512, 16, qkv_bias=True) for _ in range(8))
        state |= {
            "mask_token": torch.randn(1, 1, 512),
            "decoder_pos_embed": torch.randn(1, rows, 512),
            "decoder_embed.weight": torch.randn(512, width) / 32,
            "decoder_embed.bias": torch.zeros(512),
            **{f"decoder_blocks.{key}": tensor for key, tensor in blocks.state_dict().items()},
            "decoder_norm.weight": torch.ones(512),
            "decoder_norm.bias": torch.zeros(512),
            "decoder_pred.weight": torch.randn(patch**2 * 3, 512) / 32,
            "decoder_pred.bias": torch.zeros(patch**2 * 3),
        }
    return {"model": state}


def dinov2() -> State:
    """Return DINOv2's ViT-B/14 for 518 pixels."""
    return timms("vit_base_patch14_dinov2", num_classes=0) | {"mask_token": torch.zeros(1, 768)}


def clip() -> State:
    """Return OpenAI's CLIP ViT-B/16 as a state dict in half precision, both towers."""
    import open_clip

    state = open_clip.create_model("ViT-B-16-quickgelu", pretrained=None).state_dict()
    numbers = {"input_resolution": 224, "context_length": 77, "vocab_size": 49408}
    half = {name: tensor.half() for name, tensor in state.items()}
    return half | {name: torch.tensor(number) for name, number in numbers.items()}


FILES: dict[str, Callable[[], Any]] = {
    "jx_vit_base_p16_224-80ecf9dd.pth": lambda: timms("vit_base_patch16_224"),
    "jx_vit_large_p16_224-4ee7a4dc.pth": lambda: timms("vit_large_patch16_224"),
    "jx_vit_large_patch32_224_in21k-9046d2e7.pth": in21k,
    "mae_pretrain_vit_large.pth": lambda: mae("vit_large_patch16_224"),
    "mae_pretrain_vit_large_full.pth": lambda: mae("vit_large_patch16_224", decoder=True),
    "mae_pretrain_vit_huge.pth": lambda: mae("vit_huge_patch14_224"),
    "mae_finetuned_vit_large.pth": lambda: {"model": timms("vit_large_patch16_224", global_pool="avg")},
    "dinov2_vitb14_pretrain.pth": dinov2,
    "clip_vit_b_16.pt": clip,
    "hrnetv2_w18_imagenet_pretrained.pth": lambda: timms("hrnet_w18"),
}


if __name__ == "__main__":
    main()
