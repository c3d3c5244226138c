"""MMPretrain's Swin, whose tensors are those of the official files under its own names, with the merging's inputs in
the order of ``torch.nn.Unfold``; MMPretrain needs mmcv, which does not install here. The networks that compute the
features are torchvision's; that the order is Unfold's is tried by unfolding a picture."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from . import Example, Made
from .swin import State, official
from .torchvision_swin import SIZE, features, model, peer

DIALECT = "MMPretrain Swin"
PARTS = {
    "layers.": "stages.",
    ".attn.": ".attn.w_msa.",
    ".mlp.fc1.": ".ffn.layers.0.0.",
    ".mlp.fc2.": ".ffn.layers.1.",
    "patch_embed.proj.": "patch_embed.projection.",
}


def places(width: int) -> Tensor:
    """For each of the inputs that Unfold makes of a map of ``width`` channels: which one of the official ones it is."""
    grid = torch.arange(4.0 * width).reshape(1, width, 2, 2)  # every value of two by two pixels is another
    rows, columns = (0, 1, 0, 1), (0, 0, 1, 1)
    given = torch.cat([grid[0, :, row, column] for row, column in zip(rows, columns, strict=True)])
    unfolded = F.unfold(grid, kernel_size=2, stride=2)[0, :, 0]
    return (unfolded[:, None] == given[None]).float().argmax(dim=1)


def named(state: State, version: int, prefix: str) -> State:
    found = {}
    for name, tensor in state.items():
        if name.endswith("attn_mask"):
            continue
        if name.startswith("head."):
            found[name.replace("head.", "head.fc.")] = tensor
            continue
        ours = name
        for official_part, part in PARTS.items():
            ours = ours.replace(official_part, part)
        merges = ".downsample." in ours and (version == 1 or "reduction" in ours)
        place = prefix + re.sub(r"^norm\.", "norm1.", ours)  # two stages, so the last is number 1
        found[place] = tensor[..., places(tensor.shape[-1] // 4)] if merges else tensor
    return found


def write(folder: Path, version: int, prefix: str = "backbone.", also: tuple[str, ...] = ()) -> Made:
    network = peer(version)
    state = official(network.state_dict()) | {"head.weight": torch.randn(9, 32), "head.bias": torch.randn(9)}
    if not prefix:
        state = {name: tensor for name, tensor in state.items() if not name.startswith("head.")}
    content = {"meta": {"mmpretrain_version": "1.2.0"}, "state_dict": named(state, version, prefix)}
    content["state_dict"] |= {name: torch.ones(16) for name in also}
    torch.save(content, folder / "swin_tiny.pth")
    return Made(folder / "swin_tiny.pth", partial(features, network))


def example(name: str, version: int, **how: Any) -> Example:
    return Example(name, DIALECT, partial(write, version=version, **how), partial(model, version), input_size=SIZE)


SEGMENTER = ("backbone.norm0.weight", "backbone.norm0.bias", "decode_head.conv_seg.weight", "neck.convs.0.bias")
EXAMPLES = [
    example("MMPretrain Swin", 1),
    example("MMPretrain Swin, bare", 1, prefix=""),
    example("MMPretrain Swin, of a segmenter", 1, also=SEGMENTER),
    example("MMPretrain Swin V2", 2),
]
