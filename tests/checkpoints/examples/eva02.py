"""EVA-02 and EVA-CLIP. timm's Eva, small, gives the features; its tensors are written under the project's names, with
the tables of rotations that the project keeps, computed here from its paper's formula."""

from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from . import Example, Made, randomise

State = dict[str, Tensor]
SIZES: dict[str, Any] = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 3}
BASE, TINY = "eva02_base_patch14_224", "eva02_tiny_patch14_224"
CLIP_BASE = "eva02_base_patch16_clip_224"
LEAVES = {
    "attn.q_proj.bias": "attn.q_bias",
    "attn.v_proj.bias": "attn.v_bias",
    "mlp.fc1_g.": "mlp.w1.",
    "mlp.fc1_x.": "mlp.w2.",
    "mlp.fc2.": "mlp.w3.",
    "mlp.norm.": "mlp.ffn_ln.",
    "attn.norm.": "attn.inner_attn_ln.",
}
PACKED = {"mlp.fc1.": "mlp.w12.", "mlp.fc2.": "mlp.w3."}


def model(name: str, **arguments: object) -> nn.Module:
    return timm.create_model(name, num_classes=7, **(SIZES | arguments))


def rotations(grid: int, head: int) -> State:
    speed = 1 / 10000 ** (torch.arange(0, head // 2, 2) / (head // 2))
    place = (torch.arange(grid) / grid * 16)[:, None] * speed  # trained on 16 × 16 patches
    place = place.repeat_interleave(2, dim=1)
    rows = place[:, None].expand(grid, grid, -1)
    angles = torch.cat([rows, rows.transpose(0, 1)], dim=-1).flatten(0, 1)
    return {"freqs_cos": angles.cos(), "freqs_sin": angles.sin()}


def official(network: nn.Module, leaves: dict[str, str], *, rotated: bool = True) -> State:
    state = {}
    for name, tensor in network.state_dict().items():
        place = next((ours for ours in leaves if ours in name), "")
        state[name.replace(place, leaves[place]) if place else name] = tensor
    if rotated:
        for place in ("", "blocks.0.attn.", "blocks.1.attn."):
            state |= {f"{place}rope.{name}": table for name, table in rotations(4, 16).items()}
    return state


def pooled(network: nn.Module, x: Tensor) -> Tensor:
    return network.forward_head(network.forward_features(x), pre_logits=True)  # type: ignore[operator]


def finetuned(folder: Path, *, name: str = BASE, leaves: dict[str, str] = LEAVES) -> Made:
    network = randomise(timm.create_model(name, num_classes=11, **SIZES))
    file = folder / "eva02_B_pt_in21k_medft_in21k_ft_in1k_p14.pt"
    torch.save({"module": official(network, leaves)}, file)
    return Made(file, partial(pooled, network))


def without_tables(folder: Path) -> Made:
    network = randomise(timm.create_model(BASE, num_classes=11, **SIZES))
    torch.save({"model": official(network, LEAVES, rotated=False)}, folder / "checkpoint-29.pth")
    return Made(folder / "checkpoint-29.pth", partial(pooled, network))


def apart(folder: Path) -> Made:
    """The small ones keep gate and value in one matrix only with xformers installed."""
    network = randomise(timm.create_model(TINY, num_classes=11, **SIZES))
    state = {}
    for name, tensor in official(network, PACKED).items():
        if ".mlp.w12." in name:
            state[name.replace("w12", "w1")], state[name.replace("w12", "w2")] = tensor.chunk(2)
        else:
            state[name] = tensor
    torch.save({"module": state}, folder / "eva02_Ti_pt_in21k_ft_in1k_p14.pt")
    return Made(folder / "eva02_Ti_pt_in21k_ft_in1k_p14.pt", partial(pooled, network))


def pretraining() -> State:
    return {"mask_token": torch.randn(1, 1, 48), "lm_head.weight": torch.randn(64, 48), "lm_head.bias": torch.randn(64)}


def masked(folder: Path, *, name: str = BASE, leaves: dict[str, str] = LEAVES, rotated: bool = True) -> Made:
    network = randomise(timm.create_model(name, num_classes=0, global_pool="token", **SIZES))
    state = official(network, leaves, rotated=rotated) | pretraining()
    torch.save({"module": state}, folder / "eva02_B_pt_in21k_p14.pt")
    return Made(folder / "eva02_B_pt_in21k_p14.pt", partial(pooled, network))


def averaged(folder: Path) -> Made:
    """Pretrained, and used as timm does: the last norm behind the average."""
    network = randomise(timm.create_model(BASE, num_classes=0, **SIZES))
    state = {name.replace("fc_norm.", "norm."): tensor for name, tensor in official(network, LEAVES).items()}
    torch.save({"module": state | pretraining()}, folder / "eva02_B_pt_in21k_p14.pt")
    return Made(folder / "eva02_B_pt_in21k_p14.pt", partial(pooled, network))


def contrastive(folder: Path, *, name: str = CLIP_BASE, leaves: dict[str, str] = LEAVES, rotated: bool = True) -> Made:
    network = randomise(timm.create_model(name, num_classes=20, **SIZES))
    state = {f"visual.{key}": tensor for key, tensor in official(network, leaves, rotated=rotated).items()}
    state |= {"text.token_embedding.weight": torch.randn(9, 8), "text.ln_final.weight": torch.randn(8)}
    torch.save(state | {"logit_scale": torch.tensor(4.6)}, folder / "EVA02_CLIP_B_psz16_s8B.pt")
    return Made(folder / "EVA02_CLIP_B_psz16_s8B.pt", partial(pooled, network))


FIRST = "eva_giant_patch14_224"


def example(name: str, make: Any, target: str, **arguments: object) -> Example:
    return Example(name, "EVA-02", make, partial(model, target, **arguments), pooled)


EXAMPLES = [
    example("EVA-02, fine-tuned", finetuned, BASE),
    example("EVA-02, fine-tuned, no tables", without_tables, BASE),
    example("EVA-02, pretrained", masked, BASE, global_pool="token"),
    example("EVA-02, pretrained, averaged", averaged, BASE),
    example("EVA-02, tiny", partial(finetuned, name=TINY, leaves=PACKED), TINY),
    example("EVA-02, tiny, gate apart", apart, TINY),
    example(
        "EVA-02, the first, pretrained",
        partial(masked, name=FIRST, leaves={}, rotated=False),
        FIRST,
        global_pool="token",
    ),
    example("EVA-02, EVA-CLIP", contrastive, CLIP_BASE),
    example(
        "EVA-02, EVA-CLIP, the first",
        partial(contrastive, name="eva_giant_patch14_clip_224", leaves={}, rotated=False),
        "eva_giant_patch14_clip_224",
    ),
]
