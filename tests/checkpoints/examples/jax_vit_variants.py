"""Rarer layouts of JAX's npz files: scanned blocks, positions in other places, attention pooling, hybrids. The forward
pass of the ResNet is written down in Flax's layout; standardised kernels divide by the deviation plus 1e-5."""

from functools import partial
from pathlib import Path

import numpy as np
import timm
import torch
import torch.nn.functional as F
from timm.layers import HybridEmbed, StdConv2dSame
from timm.models.resnetv2 import ResNetV2, create_resnetv2_stem
from torch import Tensor, nn

from . import Example, Made
from .jax_vit import HEADS, NEW, OLD, WIDTH, Arrays, arrays, forward, model

MID = ("Transformer/pos_embedding", 0, 1, 0)  # big_vision before 2022
LINEN = ("Transformer/posembed_input/pos_embedding", 0, 1, 0)  # vision_transformer's own trainings
NAME = "JAX ViT (npz)"
STEM = 32


def save(folder: Path, given: Arrays) -> Path:
    np.savez(folder / "vit.npz", **given)
    return folder / "vit.npz"


def placed(folder: Path, layout: tuple[str, int, int, int]) -> Made:
    given = arrays(layout)
    return Made(save(folder, given), partial(forward, given, layout))


def scanned(folder: Path) -> Made:
    given = arrays(NEW, token=False)
    mark = "Transformer/encoderblock_0/"
    names = [name.removeprefix(mark) for name in given if name.startswith(mark)]
    stacked = {
        f"params/Transformer/encoderblock/{name}": np.stack(
            [given[f"Transformer/encoderblock_{index}/{name}"] for index in (0, 1)]
        )
        for name in names
    }
    rest = {f"params/{name}": array for name, array in given.items() if "encoderblock" not in name}
    return Made(save(folder, rest | stacked), partial(forward, given, NEW))


def pool_arrays() -> Arrays:
    random = np.random.default_rng(1)

    def values(*shape: int, scale: float = WIDTH**-0.5, around: float = 0.0) -> np.ndarray:
        return (around + scale * random.normal(size=shape)).astype(np.float32)

    asks, part = "MultiHeadDotProductAttention_0/", WIDTH // HEADS
    found = {"probe": values(1, 1, WIDTH, scale=1.0)}
    for name in ("query", "key", "value"):
        found[f"{asks}{name}/kernel"] = values(WIDTH, HEADS, part)
        found[f"{asks}{name}/bias"] = values(HEADS, part)
    found |= {f"{asks}out/kernel": values(HEADS, part, WIDTH), f"{asks}out/bias": values(WIDTH)}
    found |= {"LayerNorm_0/scale": values(WIDTH, around=1), "LayerNorm_0/bias": values(WIDTH)}
    found |= {"MlpBlock_0/Dense_0/kernel": values(WIDTH, 4 * WIDTH), "MlpBlock_0/Dense_0/bias": values(4 * WIDTH)}
    return found | {"MlpBlock_0/Dense_1/kernel": values(4 * WIDTH, WIDTH), "MlpBlock_0/Dense_1/bias": values(WIDTH)}


def pooled(tokens: Tensor, given: Arrays) -> Tensor:
    a = {name: torch.from_numpy(array) for name, array in given.items()}
    asks = "MultiHeadDotProductAttention_0"
    q = torch.einsum("nd,dhe->hne", a["probe"][0], a[f"{asks}/query/kernel"]) + a[f"{asks}/query/bias"][:, None]
    k, v = (
        torch.einsum("bnd,dhe->bhne", tokens, a[f"{asks}/{name}/kernel"]) + a[f"{asks}/{name}/bias"][:, None]
        for name in ("key", "value")
    )
    weights = (torch.einsum("hme,bhne->bhmn", q, k) / (WIDTH // HEADS) ** 0.5).softmax(-1)
    mixed = torch.einsum("bhmn,bhne->bmhe", weights, v)
    x = torch.einsum("bmhe,hed->bmd", mixed, a[f"{asks}/out/kernel"]) + a[f"{asks}/out/bias"]
    u = F.layer_norm(x, (WIDTH,), a["LayerNorm_0/scale"], a["LayerNorm_0/bias"], 1e-6)
    u = F.gelu(u @ a["MlpBlock_0/Dense_0/kernel"] + a["MlpBlock_0/Dense_0/bias"], approximate="tanh")
    return (x + u @ a["MlpBlock_0/Dense_1/kernel"] + a["MlpBlock_0/Dense_1/bias"])[:, 0]


def attending(folder: Path, prefix: str = "MAPHead_0/") -> Made:
    given, pool = arrays(NEW, token=False), pool_arrays()
    file = save(folder, given | {prefix + name: array for name, array in pool.items()})
    return Made(file, lambda x: pooled(forward(given, NEW, x), pool))


def resnet_arrays(units: tuple[int, ...]) -> Arrays:
    """Units per block. Norms of the first block are kept as old files keep them."""
    random = np.random.default_rng(2)

    def conv(side: int, inner: int, out: int) -> np.ndarray:
        spread = 0.005 + 0.05 * random.random(out)  # small enough for the epsilon to show
        return (spread * random.normal(size=(side, side, inner, out))).astype(np.float32)

    def norm(name: str, width: int, old: bool) -> Arrays:
        shape = (1, 1, 1, width) if old else (width,)
        return {
            f"{name}/{leaf}": (around + 0.2 * random.normal(size=shape)).astype(np.float32)
            for leaf, around in (("scale", 1), ("bias", 0))
        }

    found = {"conv_root/kernel": conv(7, 3, STEM)} | norm("gn_root", STEM, True)
    inner = STEM
    for block, count in enumerate(units):
        width = STEM * 2**block
        for unit in range(count):
            place = f"block{block + 1}/unit{unit + 1}/"
            found |= {f"{place}conv1/kernel": conv(1, inner, width), f"{place}conv2/kernel": conv(3, width, width)}
            found |= {f"{place}conv3/kernel": conv(1, width, 4 * width)}
            found |= norm(f"{place}gn1", width, block == 0) | norm(f"{place}gn2", width, block == 0)
            found |= norm(f"{place}gn3", 4 * width, block == 0)
            if unit == 0:
                found |= {f"{place}conv_proj/kernel": conv(1, inner, 4 * width)}
                found |= norm(f"{place}gn_proj", 4 * width, block == 0)
            inner = 4 * width
    return found


def same(x: Tensor, side: int, stride: int, value: float) -> Tensor:
    pads = []
    for length in (x.shape[3], x.shape[2]):
        total = max((-(-length // stride) - 1) * stride + side - length, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads, value=value)


def resnet(given: Arrays, units: tuple[int, ...], x: Tensor) -> Tensor:
    a = {name: torch.from_numpy(array) for name, array in given.items()}

    def conv(name: str, t: Tensor, stride: int = 1) -> Tensor:
        kernel = a[f"{name}/kernel"].double()
        kernel = kernel - kernel.mean((0, 1, 2), keepdim=True)
        kernel = kernel / (kernel.std((0, 1, 2), keepdim=True, unbiased=False) + 1e-5)
        kernel = kernel.permute(3, 2, 0, 1)
        return F.conv2d(same(t, kernel.shape[-1], stride, 0.0), kernel, stride=stride)

    def norm(name: str, t: Tensor) -> Tensor:
        return F.group_norm(t, 32, *(a[f"{name}/{leaf}"].double().flatten() for leaf in ("scale", "bias")), eps=1e-6)

    x = F.relu(norm("gn_root", conv("conv_root", x.double(), 2)))
    x = F.max_pool2d(same(x, 3, 2, float("-inf")), 3, 2)
    for block, count in enumerate(units):
        for unit in range(count):
            place = f"block{block + 1}/unit{unit + 1}/"
            stride = 2 if block and not unit else 1
            y = F.relu(norm(f"{place}gn1", conv(f"{place}conv1", x)))
            y = F.relu(norm(f"{place}gn2", conv(f"{place}conv2", y, stride)))
            y = norm(f"{place}gn3", conv(f"{place}conv3", y))
            kept = norm(f"{place}gn_proj", conv(f"{place}conv_proj", x, stride)) if unit == 0 else x
            x = F.relu(kept + y)
    return x.float()


def hybrid(folder: Path, units: tuple[int, ...], patch: int) -> Made:
    """The transformer reads 4 x 4 patches of what the ResNet gives."""
    below = resnet_arrays(units)
    random = np.random.default_rng(3)
    width = STEM * 2 ** (len(units) + 1) if units else STEM
    given = arrays(OLD)
    kernel = (random.normal(size=(patch, patch, width, WIDTH)) / (patch**2 * width) ** 0.5).astype(np.float32)

    def features(x: Tensor) -> Tensor:
        t = F.conv2d(resnet(below, units, x), torch.from_numpy(kernel).permute(3, 2, 0, 1), stride=patch)
        # the patches' embedding as a picture in which every patch is one pixel: a kernel that passes it through
        return forward(given | {"embedding/kernel": np.eye(WIDTH, dtype=np.float32)[None, None]}, OLD, t, patch=1)

    return Made(save(folder, below | given | {"embedding/kernel": kernel}), features)


def hybrid_model(units: tuple[int, ...], patch: int) -> nn.Module:
    conv = partial(StdConv2dSame, eps=1e-8)
    side = 16 * patch * 2 ** max(len(units) - 1, 0)  # a stem alone gives a quarter of the side, as one block does
    if units:
        channels = tuple(STEM * 4 * 2**block for block in range(len(units)))
        below: nn.Module = ResNetV2(
            units, channels, 0, global_pool="", preact=False, stem_type="same", stem_chs=STEM, conv_layer=conv
        )
    else:
        below = create_resnetv2_stem(3, STEM, stem_type="same", preact=False, conv_layer=conv)
    return timm.models.VisionTransformer(
        img_size=side,
        patch_size=patch,
        embed_dim=WIDTH,
        depth=2,
        num_heads=3,
        num_classes=7,
        embed_layer=partial(HybridEmbed, backbone=below),  # type: ignore[arg-type]
    )


def pre_logits(m: nn.Module, x: Tensor) -> Tensor:
    return m.forward_head(m.forward_features(x), pre_logits=True)  # type: ignore[operator, no-any-return]


averaging = partial(model, class_token=False, global_pool="avg", fc_norm=False)
mapping = partial(model, class_token=False, global_pool="map", num_heads=HEADS)

EXAMPLES = [
    Example("JAX, big_vision before 2022", NAME, partial(placed, layout=MID), model),
    Example("JAX, vision_transformer in Linen", NAME, partial(placed, layout=LINEN), model),
    Example("JAX, big_vision scanned", NAME, scanned, averaging),
    Example("JAX, big_vision MAP head", NAME, attending, mapping, pre_logits),
    Example("JAX, MAP head inlined", NAME, partial(attending, prefix=""), mapping, pre_logits),
    Example(
        "JAX, hybrid", NAME, partial(hybrid, units=(1, 2), patch=1), partial(hybrid_model, (1, 2), 1),
        input_size=(3, 32, 32),
    ),
    Example(
        "JAX, hybrid of a stem", NAME, partial(hybrid, units=(), patch=2), partial(hybrid_model, (), 2),
        input_size=(3, 32, 32),
    ),
]  # fmt: skip
