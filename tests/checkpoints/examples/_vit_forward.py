"""Forward passes of the ViT families, written from their papers and configurations, over tensors by their own names.

They share nothing with timm or with the dialects. Legend: B pictures, N tokens, D width, h heads.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]


def as_it_is(table: Tensor, side: int) -> Tensor:
    """Leave positions for another grid alone."""
    return table


@dataclass(frozen=True)
class Family:
    """What a project's network computes with.

    Attributes:
        heads: of the attention.
        eps: of every norm.
        slots: how many of ``tokens`` have a row of ``pos_embed``.
        scale: name of the layer scale, with a place for the branch; "" for none.
        tokens: names of the tokens in front of the patches.
        act: between the layers of the MLP.
        positions: fits ``pos_embed`` to a grid of so many rows.
        rope: whether queries and keys are rotated.
    """

    heads: int
    eps: float = 1e-6
    slots: int = 1
    scale: str = ""
    tokens: tuple[str, ...] = ("cls_token",)
    act: Callable[[Tensor], Tensor] = F.gelu
    positions: Callable[[Tensor, int], Tensor] = as_it_is
    rope: bool = False


def forward(state: State, x: Tensor, family: Family) -> Tensor:
    """Return the tokens after the last norm ``(B, N, D)``."""
    kernel = state["patch_embed.proj.weight"]
    x = F.conv2d(x, kernel, state["patch_embed.proj.bias"], stride=kernel.shape[-1])
    side = x.shape[-1]
    x = x.flatten(2).transpose(1, 2)
    tokens = [state[name].expand(len(x), -1, -1) for name in family.tokens]
    first, others = tokens[: family.slots], tokens[family.slots :]
    count = sum(token.shape[1] for token in first)
    x = torch.cat([*first, x], dim=1)
    if "pos_embed" in state:
        x = x + family.positions(state["pos_embed"], side)
    x = torch.cat([x[:, :count], *others, x[:, count:]], dim=1)
    rotation = rotations(state["rope_embed.periods"].float(), side) if family.rope else None
    depth = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks."))
    for index in range(depth):
        block = {n.removeprefix(f"blocks.{index}."): t for n, t in state.items() if n.startswith(f"blocks.{index}.")}
        x = x + scaled(block, family, "1", attention(block, normed(block, "norm1", x, family.eps), family, rotation))
        x = x + scaled(block, family, "2", mlp(block, normed(block, "norm2", x, family.eps), family))
    return normed(state, "norm", x, family.eps)


def attention(block: State, x: Tensor, family: Family, rotation: tuple[Tensor, Tensor] | None) -> Tensor:
    bias = block["attn.qkv.bias"] * block.get("attn.qkv.bias_mask", torch.ones(1))
    q, k, v = F.linear(x, block["attn.qkv.weight"], bias).unflatten(2, (3, family.heads, -1)).permute(2, 0, 3, 1, 4)
    if rotation is not None:
        q, k = rotated(q, rotation), rotated(k, rotation)
    weights = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(-1)
    return F.linear((weights @ v).transpose(1, 2).flatten(2), block["attn.proj.weight"], block["attn.proj.bias"])


def mlp(block: State, x: Tensor, family: Family) -> Tensor:
    layers = {
        name: (block[f"mlp.{name}.weight"], block[f"mlp.{name}.bias"])
        for name in ("fc1", "fc2", "w12", "w1", "w2", "w3")
        if f"mlp.{name}.weight" in block
    }
    if "w12" in layers:
        gate, value = F.linear(x, *layers["w12"]).chunk(2, dim=-1)
    elif "w1" in layers:
        gate, value = F.linear(x, *layers["w1"]), F.linear(x, *layers["w2"])
    else:
        return F.linear(family.act(F.linear(x, *layers["fc1"])), *layers["fc2"])
    return F.linear(F.silu(gate) * value, *layers["w3"])


def scaled(block: State, family: Family, branch: str, x: Tensor) -> Tensor:
    return x * block[family.scale.format(branch)] if family.scale else x


def normed(state: State, name: str, x: Tensor, eps: float) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], eps)


def rotations(periods: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Sine and cosine ``(patches, channels of a head)``: row angles, column angles, and the same once more."""
    centre = (torch.arange(side) + 0.5) / side * 2 - 1
    row, column = torch.meshgrid(centre, centre, indexing="ij")
    angles = torch.cat([2 * math.pi * place.flatten()[:, None] / periods for place in (row, column)], dim=1)
    return angles.sin().tile(2), angles.cos().tile(2)


def rotated(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    sin, cos = rotation
    first = x.shape[2] - len(sin)  # class token and registers are not rotated
    one, two = x[:, :, first:].chunk(2, dim=-1)
    return torch.cat([x[:, :, :first], x[:, :, first:] * cos + torch.cat([-two, one], dim=-1) * sin], dim=2)


def made_up(width: int, grid: int, slots: int = 1, *, depth: int = 2, patch: int = 8, hidden: int = 4) -> State:
    """Return a plain ViT's tensors with values that matter."""
    generator = torch.Generator().manual_seed(5)

    def matrix(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator) / math.prod(shape[1:]) ** 0.5

    def vector(size: int, around: float = 0.0) -> Tensor:
        return around + 0.2 * torch.randn(size, generator=generator)

    def linear(name: str, out: int, inner: int) -> State:
        return {f"{name}.weight": matrix(out, inner), f"{name}.bias": vector(out)}

    def norm(name: str) -> State:
        return {f"{name}.weight": vector(width, 1.0), f"{name}.bias": vector(width)}

    state = {
        "cls_token": vector(width).reshape(1, 1, -1),
        "pos_embed": 0.5 * torch.randn(1, slots + grid * grid, width, generator=generator),
        "patch_embed.proj.weight": matrix(width, 3, patch, patch),
        "patch_embed.proj.bias": vector(width),
    }
    for index in range(depth):
        block = f"blocks.{index}"
        state |= norm(f"{block}.norm1") | linear(f"{block}.attn.qkv", 3 * width, width)
        state |= linear(f"{block}.attn.proj", width, width) | norm(f"{block}.norm2")
        state |= linear(f"{block}.mlp.fc1", hidden * width, width) | linear(f"{block}.mlp.fc2", width, hidden * width)
    return state | norm("norm")


def with_scale(state: State, name: str) -> State:
    """Add a layer scale; ``name`` has a place for the branch."""
    generator = torch.Generator().manual_seed(6)
    width = state["cls_token"].shape[-1]
    blocks = {name.split(".")[1] for name in state if name.startswith("blocks.")}
    scales = {
        f"blocks.{block}.{name.format(branch)}": 0.5 + 0.2 * torch.randn(width, generator=generator)
        for block in sorted(blocks)
        for branch in "12"
    }
    return state | scales


def gated(state: State, hidden: int, names: tuple[str, ...]) -> State:
    """Put SwiGLU in the place of the MLPs, with the gate and the value in one layer or in two."""
    generator = torch.Generator().manual_seed(7)
    width = state["cls_token"].shape[-1]
    rest = {name: tensor for name, tensor in state.items() if ".mlp." not in name}
    *inner, outer = names
    for block in sorted({name.split(".")[1] for name in state if name.startswith("blocks.")}):
        for name in names:
            rows, columns = (width, hidden) if name == outer else (2 * hidden // len(inner), width)
            layer = f"blocks.{block}.mlp.{name}"
            rest[f"{layer}.weight"] = torch.randn(rows, columns, generator=generator) / columns**0.5
            rest[f"{layer}.bias"] = 0.2 * torch.randn(rows, generator=generator)
    return rest


def resized(*, antialias: bool, offset: float = 0.0) -> Callable[[Tensor, int], Tensor]:
    """Return the DINO family's way of fitting positions, with one row for the class token, to another grid."""

    def fit(table: Tensor, side: int) -> Tensor:
        before = math.isqrt(table.shape[1] - 1)
        image = table[:, 1:].unflatten(1, (before, before)).permute(0, 3, 1, 2)
        if before != side:
            how = {"scale_factor": ((side + offset) / before,) * 2} if offset else {"size": (side, side)}
            image = F.interpolate(image, mode="bicubic", antialias=antialias, **how)  # type: ignore[arg-type]
        return torch.cat([table[:, :1], image.flatten(2).transpose(1, 2)], dim=1)

    return fit
