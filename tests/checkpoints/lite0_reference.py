"""EfficientNet written down from its papers and read from lukemelas' tensor names; for tests only.

Tan & Le 2019, "EfficientNet", table 1, with squeeze-and-excitation and swish where the tensors have it, else with ReLU6
(EfficientNet-Lite), and TensorFlow's "SAME" padding, which puts the odd pixel right and below.
"""

from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor

# repeats, kernel, stride of the first; widths and expansions can be read off the tensors
STAGES = ((1, 3, 1), (2, 3, 2), (2, 5, 2), (3, 3, 2), (3, 5, 1), (4, 5, 2), (1, 3, 1))


def lite0(state: Mapping[str, Tensor], images: Tensor) -> Tensor:
    """Return ``(B, 1000)`` logits of normalised ``(B, 3, H, W)`` images."""
    x = efficientnet(state, images, STAGES)
    return F.linear(x.mean(dim=(2, 3)), state["_fc.weight"], state["_fc.bias"])


def efficientnet(state: Mapping[str, Tensor], images: Tensor, stages: Sequence[tuple[int, int, int]]) -> Tensor:
    """Return the last convolution's ``(B, C, h, w)`` of normalised images."""
    squeezed = any("_se_reduce" in name for name in state)
    activate = F.silu if squeezed else F.relu6

    def convolve(x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        size = weight.shape[-1]
        pads: list[int] = []
        for side in (x.shape[-1], x.shape[-2]):
            missing = max((-(-side // stride) - 1) * stride + size - side, 0)
            pads += [missing // 2, missing - missing // 2]
        return F.conv2d(F.pad(x, pads), weight, stride=stride, groups=x.shape[1] // weight.shape[1])

    def normalise(x: Tensor, name: str) -> Tensor:
        mean, var, scale, shift = (
            state[f"{name}.{leaf}"] for leaf in ("running_mean", "running_var", "weight", "bias")
        )
        factor = scale / (var + 1e-3).sqrt()
        return x * factor[:, None, None] + (shift - mean * factor)[:, None, None]

    def squeeze(x: Tensor, name: str) -> Tensor:
        if not squeezed:
            return x
        share = x.mean(dim=(2, 3), keepdim=True)
        share = F.silu(F.conv2d(share, state[f"{name}._se_reduce.weight"], state[f"{name}._se_reduce.bias"]))
        return x * F.conv2d(share, state[f"{name}._se_expand.weight"], state[f"{name}._se_expand.bias"]).sigmoid()

    x = activate(normalise(convolve(images, "_conv_stem", 2), "_bn0"))
    number = 0
    for repeats, size, first_stride in stages:
        for repeat in range(repeats):
            name, stride, inner = f"_blocks.{number}", first_stride if repeat == 0 else 1, x
            if f"{name}._expand_conv.weight" in state:
                inner = activate(normalise(convolve(inner, f"{name}._expand_conv"), f"{name}._bn0"))
            assert state[f"{name}._depthwise_conv.weight"].shape[-1] == size
            inner = activate(normalise(convolve(inner, f"{name}._depthwise_conv", stride), f"{name}._bn1"))
            inner = squeeze(inner, name)
            inner = normalise(convolve(inner, f"{name}._project_conv"), f"{name}._bn2")
            x = inner + x if stride == 1 and inner.shape == x.shape else inner
            number += 1
    return activate(normalise(convolve(x, "_conv_head"), "_bn1"))
