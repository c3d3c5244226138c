"""JAX's npz files, with a forward pass in Flax's layout written down from the paper: einsum over heads, tanh GELU."""

from functools import partial
from pathlib import Path

import numpy as np
import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import Example, Made

WIDTH, HEADS, GRID, PATCH, DEPTH = 48, 4, 4, 8, 2
Arrays = dict[str, np.ndarray]
OLD = ("Transformer/posembed_input/pos_embedding", 1, 2, 3)
NEW = ("pos_embedding", 0, 1, 0)


def arrays(layout: tuple[str, int, int, int], *, token: bool = True, slot: bool = True) -> Arrays:
    random = np.random.default_rng(0)

    def matrix(*shape: int, fan_in: int) -> np.ndarray:
        return (random.normal(size=shape) / fan_in**0.5).astype(np.float32)

    def vector(*shape: int, around: float = 0.0) -> np.ndarray:
        return (around + 0.2 * random.normal(size=shape)).astype(np.float32)

    place, attention, second, mlp = layout
    part = WIDTH // HEADS
    found = {
        "embedding/kernel": matrix(PATCH, PATCH, 3, WIDTH, fan_in=3 * PATCH**2),
        "embedding/bias": vector(WIDTH),
        place: vector(1, GRID**2 + (token and slot), WIDTH),
        "Transformer/encoder_norm/scale": vector(WIDTH, around=1),
        "Transformer/encoder_norm/bias": vector(WIDTH),
        "head/kernel": matrix(WIDTH, 11, fan_in=WIDTH),
        "head/bias": vector(11),
    }
    if token:
        found["cls"] = vector(1, 1, WIDTH)
    for index in range(DEPTH):
        block = f"Transformer/encoderblock_{index}/"
        inside = f"{block}MultiHeadDotProductAttention_{attention}/"
        for name in ("query", "key", "value"):
            found[f"{inside}{name}/kernel"] = matrix(WIDTH, HEADS, part, fan_in=WIDTH)
            found[f"{inside}{name}/bias"] = vector(HEADS, part)
        found[f"{inside}out/kernel"] = matrix(HEADS, part, WIDTH, fan_in=WIDTH)
        found[f"{inside}out/bias"] = vector(WIDTH)
        for norm in (0, second):
            found[f"{block}LayerNorm_{norm}/scale"] = vector(WIDTH, around=1)
            found[f"{block}LayerNorm_{norm}/bias"] = vector(WIDTH)
        found[f"{block}MlpBlock_{mlp}/Dense_0/kernel"] = matrix(WIDTH, 4 * WIDTH, fan_in=WIDTH)
        found[f"{block}MlpBlock_{mlp}/Dense_0/bias"] = vector(4 * WIDTH)
        found[f"{block}MlpBlock_{mlp}/Dense_1/kernel"] = matrix(4 * WIDTH, WIDTH, fan_in=4 * WIDTH)
        found[f"{block}MlpBlock_{mlp}/Dense_1/bias"] = vector(WIDTH)
    return found


def forward(given: Arrays, layout: tuple[str, int, int, int], x: Tensor, patch: int = PATCH) -> Tensor:
    a = {name: torch.from_numpy(array) for name, array in given.items()}
    place, attention, second, mlp = layout

    def norm(name: str, t: Tensor) -> Tensor:
        return F.layer_norm(t, (WIDTH,), a[f"{name}/scale"], a[f"{name}/bias"], 1e-6)

    patches = x.unfold(2, patch, patch).unfold(3, patch, patch)  # B 3 rows columns h w
    t = torch.einsum("bcyxhw,hwcd->byxd", patches, a["embedding/kernel"]).flatten(1, 2) + a["embedding/bias"]
    early = a[place].shape[1] == t.shape[1]  # big_vision adds positions before the class token is there
    if early:
        t = t + a[place]
    if "cls" in a:
        t = torch.cat([a["cls"].expand(len(x), -1, -1), t], dim=1)
    if not early:
        t = t + a[place]
    for index in range(DEPTH):
        block = f"Transformer/encoderblock_{index}"
        inside = f"{block}/MultiHeadDotProductAttention_{attention}"
        u = norm(f"{block}/LayerNorm_0", t)
        q, k, v = (
            torch.einsum("bnd,dhe->bnhe", u, a[f"{inside}/{name}/kernel"]) + a[f"{inside}/{name}/bias"]
            for name in ("query", "key", "value")
        )
        weights = (torch.einsum("bnhe,bmhe->bhnm", q, k) / (WIDTH // HEADS) ** 0.5).softmax(-1)
        mixed = torch.einsum("bhnm,bmhe->bnhe", weights, v)
        t = t + torch.einsum("bnhe,hed->bnd", mixed, a[f"{inside}/out/kernel"]) + a[f"{inside}/out/bias"]
        u = norm(f"{block}/LayerNorm_{second}", t)
        first, last = (f"{block}/MlpBlock_{mlp}/Dense_{number}" for number in (0, 1))
        u = F.gelu(u @ a[f"{first}/kernel"] + a[f"{first}/bias"], approximate="tanh")
        t = t + u @ a[f"{last}/kernel"] + a[f"{last}/bias"]
    return norm("Transformer/encoder_norm", t)


def write(
    folder: Path,
    layout: tuple[str, int, int, int] = OLD,
    prefix: str = "",
    token: bool = True,
    slot: bool = True,
    pre: bool = False,
) -> Made:
    given = arrays(layout, token=token, slot=slot)
    spare = {"pre_logits/kernel": np.ones((WIDTH, WIDTH), np.float32), "pre_logits/bias": np.ones(WIDTH, np.float32)}
    np.savez(folder / "vit.npz", **{prefix + name: array for name, array in (given | (spare if pre else {})).items()})
    return Made(folder / "vit.npz", partial(forward, given, layout))


def model(**arguments: object) -> nn.Module:
    # as many heads as nobody's default, so that they must come from the file
    sizes = {"img_size": PATCH * GRID, "patch_size": PATCH, "embed_dim": WIDTH, "depth": DEPTH, "num_heads": 3}
    return timm.create_model("vit_base_patch16_224", num_classes=7, **(sizes | arguments))


averaging = partial(model, class_token=False, global_pool="avg", fc_norm=False)

EXAMPLES = [
    Example("JAX, vision_transformer", "JAX ViT (npz)", write, model),
    Example("JAX, a training's file", "JAX ViT (npz)", partial(write, prefix="opt/target/"), model),
    Example("JAX, pre_logits", "JAX ViT (npz)", partial(write, pre=True), model),
    Example("JAX, big_vision", "JAX ViT (npz)", partial(write, layout=NEW, prefix="params/"), model),
    Example("JAX, big_vision without a slot", "JAX ViT (npz)", partial(write, layout=NEW, slot=False), model),
    Example("JAX, big_vision averaging", "JAX ViT (npz)", partial(write, layout=NEW, token=False), averaging),
]
