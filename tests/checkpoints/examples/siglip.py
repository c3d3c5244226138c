"""SigLIP's npz files, with a forward pass in Flax's layout: jax_vit's for the blocks, and attention pooling written
down here; the text tower and the loss's numbers stand beside it."""

from functools import partial
from pathlib import Path

import numpy as np
import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import Example, Made
from .jax_vit import DEPTH, GRID, HEADS, NEW, PATCH, WIDTH, Arrays, arrays, forward

POOL = "MAPHead_0/"
ASKS = f"{POOL}MultiHeadDotProductAttention_0/"


def tower(*, pools: bool = True) -> Arrays:
    random = np.random.default_rng(1)

    def matrix(*shape: int, fan_in: int = WIDTH) -> np.ndarray:
        return (random.normal(size=shape) / fan_in**0.5).astype(np.float32)

    given = {name: array for name, array in arrays(NEW, token=False).items() if not name.startswith("head/")}
    if not pools:
        return given
    part = WIDTH // HEADS
    for name in ("query", "key", "value"):
        given[f"{ASKS}{name}/kernel"] = matrix(WIDTH, HEADS, part)
        given[f"{ASKS}{name}/bias"] = matrix(HEADS, part)
    return given | {
        f"{POOL}probe": matrix(1, 1, WIDTH, fan_in=1),
        f"{ASKS}out/kernel": matrix(HEADS, part, WIDTH),
        f"{ASKS}out/bias": matrix(WIDTH),
        f"{POOL}LayerNorm_0/scale": 1 + matrix(WIDTH),
        f"{POOL}LayerNorm_0/bias": matrix(WIDTH),
        f"{POOL}MlpBlock_0/Dense_0/kernel": matrix(WIDTH, 4 * WIDTH),
        f"{POOL}MlpBlock_0/Dense_0/bias": matrix(4 * WIDTH),
        f"{POOL}MlpBlock_0/Dense_1/kernel": matrix(4 * WIDTH, WIDTH, fan_in=4 * WIDTH),
        f"{POOL}MlpBlock_0/Dense_1/bias": matrix(WIDTH),
    }


def pooled(given: Arrays, x: Tensor) -> Tensor:
    a = {name: torch.from_numpy(array) for name, array in given.items()}
    t = forward(given, NEW, x)
    if f"{POOL}probe" not in a:
        return t.mean(1)
    q = torch.einsum("nd,dhe->nhe", a[f"{POOL}probe"][0], a[f"{ASKS}query/kernel"]) + a[f"{ASKS}query/bias"]
    k, v = (
        torch.einsum("bnd,dhe->bnhe", t, a[f"{ASKS}{name}/kernel"]) + a[f"{ASKS}{name}/bias"]
        for name in ("key", "value")
    )
    weights = (torch.einsum("nhe,bmhe->bhnm", q, k) / (WIDTH // HEADS) ** 0.5).softmax(-1)
    mixed = torch.einsum("bhnm,bmhe->bnhe", weights, v)
    found = torch.einsum("bnhe,hed->bnd", mixed, a[f"{ASKS}out/kernel"]) + a[f"{ASKS}out/bias"]
    u = F.layer_norm(found, (WIDTH,), a[f"{POOL}LayerNorm_0/scale"], a[f"{POOL}LayerNorm_0/bias"], 1e-6)
    first, last = (f"{POOL}MlpBlock_0/Dense_{number}" for number in (0, 1))
    u = F.gelu(u @ a[f"{first}/kernel"] + a[f"{first}/bias"], approximate="tanh")
    return (found + u @ a[f"{last}/kernel"] + a[f"{last}/bias"])[:, 0]


def stacked(given: Arrays) -> Arrays:
    first = "Transformer/encoderblock_0/"
    found = {name: array for name, array in given.items() if "encoderblock_" not in name}
    for name in (name.removeprefix(first) for name in given if name.startswith(first)):
        layers = [given[f"Transformer/encoderblock_{index}/{name}"] for index in range(DEPTH)]
        found[f"Transformer/encoderblock/{name}"] = np.stack(layers)
    return found


def flexible(given: Arrays) -> Arrays:
    return given | {
        "embedding/kernel": given["embedding/kernel"].reshape(-1, WIDTH),
        "pos_embedding": given["pos_embedding"].reshape(GRID, GRID, WIDTH),
    }


def write(folder: Path, *, stack: bool = False, naflex: bool = False, language: bool = False) -> Made:
    given = tower(pools=not language)
    kept = flexible(given) if naflex else given
    kept = stacked(kept) if stack else kept
    file = {f"params/img/{name}": array for name, array in kept.items()}
    one = np.ones((1,), np.float32)
    if language:
        file |= {"params/img/head/kernel": np.ones((WIDTH, 64), np.float32), "params/img/head/bias": one.repeat(64)}
        file["params/llm/final_norm/scale"] = one
    else:
        file |= {"params/txt/Embed_0/embedding": np.ones((9, 8), np.float32), "params/t": one, "params/b": one}
    np.savez(folder / "webli_en_b16_224.npz", **file)
    return Made(folder / "webli_en_b16_224.npz", partial(pooled, given))


def model(name: str = "vit_base_patch16_siglip_224") -> nn.Module:
    sizes = {"img_size": PATCH * GRID, "patch_size": PATCH, "embed_dim": WIDTH, "depth": DEPTH, "num_heads": HEADS}
    return timm.create_model(name, num_classes=7, **sizes)


def ours(network: nn.Module, x: Tensor) -> Tensor:
    return network.forward_head(network.forward_features(x), pre_logits=True)  # type: ignore[operator,no-any-return]


def example(name: str, **arguments: bool) -> Example:
    return Example(name, "SigLIP (big_vision npz)", partial(write, **arguments), model, ours)


EXAMPLES = [
    example("big_vision SigLIP"),
    example("big_vision SigLIP, blocks stacked", stack=True),
    example("big_vision SigLIP2, NaFlex", stack=True, naflex=True),
    Example(
        "big_vision SigLIP, PaliGemma",
        "SigLIP (big_vision npz)",
        partial(write, stack=True, language=True),
        partial(model, "vit_base_patch16_siglip_gap_224"),
        ours,
    ),
]
