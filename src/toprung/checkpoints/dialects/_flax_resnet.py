"""The ResNet under the hybrids of google-research/vision_transformer.

Facts:

- ``conv_root`` and ``gn_root`` are the stem, ``block{i}/unit{j}`` the bottlenecks, both counted from 1; the smallest
  hybrid (R+ViT-Ti/16) has the stem only. Old files keep the norms' tensors as ``(1, 1, 1, width)``;
- kernels are standardised before they are used: less their mean, divided by their standard deviation *plus* 1e-5.
  timm's layer divides by the root of the variance plus its own epsilon. A kernel times c standardises to the same
  values there when c² (s + 1e-5)² = c² s² + epsilon, with s its standard deviation.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from toprung.checkpoints.dialects._flax import Rule, norm

_FLAX_EPSILON = 1e-5
_STANDARDISED = re.compile(r"patch_embed\.backbone\.(?P<layer>(.+\.)?conv\d?)\.weight")
_BLOCK, _OURS = "block{i}/unit{j}", "patch_embed.backbone.stages.{i}.blocks.{j}"


def rules(*, blocks: bool) -> list[Rule]:
    """Return the names, numbers from 0 as :func:`counted_from_zero` makes them.

    Args:
        blocks: whether there is more than the stem.
    """
    stem = "patch_embed.backbone.stem" if blocks else "patch_embed.backbone"
    found: list[Rule] = [("conv_root/kernel", f"{stem}.conv.weight"), *norm("gn_root", f"{stem}.norm")]
    for number in "123":
        found.append((f"{_BLOCK}/conv{number}/kernel", f"{_OURS}.conv{number}.weight"))
        found += norm(f"{_BLOCK}/gn{number}", f"{_OURS}.norm{number}")
    found.append((f"{_BLOCK}/conv_proj/kernel", f"{_OURS}.downsample.conv.weight"))
    return [*found, *norm(f"{_BLOCK}/gn_proj", f"{_OURS}.downsample.norm")]


def counted_from_zero(name: str) -> str:
    """Return a name with blocks and units counted from 0."""
    found = re.match(r"block([1-9]\d*)/unit([1-9]\d*)/", name)
    return name if found is None else f"block{int(found[1]) - 1}/unit{int(found[2]) - 1}/{name[found.end() :]}"


def standardise_alike(state: dict[str, Tensor]) -> float:
    """Scale the kernels, in place of the old ones, so that timm's standardisation gives the values of Flax's.

    Returns:
        The epsilon that the model's standardised convolutions must have. It is chosen so that the median kernel keeps
        its size: scaled kernels would learn at another rate than the file's.
    """
    kernels = {name: tensor.double() for name, tensor in state.items() if _STANDARDISED.fullmatch(name)}
    spreads = {name: kernel.flatten(1).std(dim=1, unbiased=False) for name, kernel in kernels.items()}
    # (s + a)² - s², written without cancellation
    gaps = {name: 2 * spread * _FLAX_EPSILON + _FLAX_EPSILON**2 for name, spread in spreads.items()}
    epsilon = float(torch.cat(list(gaps.values())).median())
    for name, kernel in kernels.items():
        gain = (epsilon / gaps[name]).sqrt()
        state[name] = (kernel * gain[:, None, None, None]).to(state[name].dtype)
    return epsilon
