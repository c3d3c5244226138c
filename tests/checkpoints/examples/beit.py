"""BEiT's files. timm's Beit is the port of its code; transformers' BeitModel, an independent one, is compared with in
examples/hf_beit.py. Here the names and extras of microsoft/unilm's files are put around timm's tensors."""

from pathlib import Path

import timm
import torch
from torch import Tensor, nn

from . import Example, Made, randomise

SIZES = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3}


def model(**arguments: object) -> nn.Module:
    return timm.create_model("beit_base_patch16_224", num_classes=7, **(SIZES | arguments))


def index() -> dict[str, Tensor]:
    return {f"blocks.{block}.attn.relative_position_index": torch.zeros(17, 17, dtype=torch.long) for block in (0, 1)}


def finetuned(folder: Path) -> Made:
    peer = randomise(timm.create_model("beit_base_patch16_224", num_classes=11, **SIZES))
    torch.save({"model": peer.state_dict() | index()}, folder / "beit_base_patch8_32_pt22k_ft1k.pth")
    return Made(
        folder / "beit_base_patch8_32_pt22k_ft1k.pth",
        lambda x: peer.forward_head(peer.forward_features(x), pre_logits=True),  # type: ignore[operator]
    )


def pretrained(folder: Path) -> Made:
    shared = {"use_shared_rel_pos_bias": True, "use_rel_pos_bias": False, "global_pool": "token"}
    peer = randomise(timm.create_model("beit_base_patch16_224", num_classes=0, **SIZES, **shared))
    extra = {"mask_token": torch.ones(1, 1, 48), "lm_head.weight": torch.ones(20, 48), "lm_head.bias": torch.ones(20)}
    extra["rel_pos_bias.relative_position_index"] = torch.zeros(17, 17, dtype=torch.long)
    torch.save({"model": peer.state_dict() | extra}, folder / "beit_base_patch8_32_pt22k.pth")
    return Made(folder / "beit_base_patch8_32_pt22k.pth", peer.forward_features)  # type: ignore[arg-type]


def second(folder: Path) -> Made:
    """BEiT v2's pretraining: blocks and a norm more behind the encoder, which only it needs."""
    shared = {"use_shared_rel_pos_bias": True, "use_rel_pos_bias": False, "global_pool": "token"}
    peer = randomise(timm.create_model("beitv2_base_patch16_224", num_classes=0, **SIZES, **shared))
    extra = {name.replace("blocks.", "cls_pt_layers."): t for name, t in peer.state_dict().items() if "blocks." in name}
    extra |= {"mask_token": torch.ones(1, 1, 48), "lm_head.weight": torch.ones(20, 48), "lm_head.bias": torch.ones(20)}
    extra["rel_pos_bias.relative_position_index"] = torch.zeros(17, 17, dtype=torch.long)
    torch.save({"model": peer.state_dict() | extra}, folder / "beitv2_base_patch8_32_pt1k.pth")
    return Made(folder / "beitv2_base_patch8_32_pt1k.pth", peer.forward_features)  # type: ignore[arg-type]


def second_model() -> nn.Module:
    return timm.create_model("beitv2_base_patch16_224", num_classes=7, global_pool="token", **SIZES)


EXAMPLES = [
    Example(
        "BEiT, fine-tuned",
        "BEiT",
        finetuned,
        model,
        lambda m, x: m.forward_head(m.forward_features(x), pre_logits=True),  # type: ignore[operator]
    ),
    Example("BEiT, pretrained", "BEiT", pretrained, lambda: model(global_pool="token")),
    Example("BEiT v2, pretrained", "BEiT", second, second_model),
]
