"""ConvNeXt (Liu et al. 2022, arXiv 2201.03545) and ConvNeXt V2 (Woo et al. 2023, arXiv 2301.00808), files of
facebookresearch/ConvNeXt and facebookresearch/ConvNeXt-V2.

Facts:

- ``downsample_layers.0`` is the stem, the others stand before their stage; ``norm`` comes after the average;
- version 2 has global response normalisation, ``grn.gamma`` and ``grn.beta`` of shape ``(1, 1, 1, width)``, in timm
  ``weight`` and ``bias`` of shape ``(width)``; it has no layer scale;
- pretraining of version 2 (FCMAE) leaves an encoder without ``norm`` and head. Its training files hold sparse layers
  and a decoder: the encoder hangs under ``encoder.``, kernels are ``(places, in, out)`` or ``(places, width)`` with the
  column counted before the row, norms and linear layers are one level deeper, and the response normalisation's tensors
  are ``(1, width)``;
- exact GELU, LayerNorm epsilon 1e-6, ImageNet's mean and std;
- fine-tuning recipes start the head with a truncated normal of std 0.02, times 0.001.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from torch import Tensor

from toprung.checkpoints.dialects import IMAGENET, HeadStart, Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "ConvNeXt"

_BLOCK = "stages.{i}.{j}"
_OURS = "stages.{i}.blocks.{j}"
TABLE = NameTable(
    [
        ("downsample_layers.0.{k}", "stem.{k}"),
        ("downsample_layers.{i}.{k}", "stages.{i}.downsample.{k}"),
        (f"{_BLOCK}.dwconv", f"{_OURS}.conv_dw"),
        (f"{_BLOCK}.norm", f"{_OURS}.norm"),
        (f"{_BLOCK}.pwconv1", f"{_OURS}.mlp.fc1"),
        (f"{_BLOCK}.pwconv2", f"{_OURS}.mlp.fc2"),
        (f"{_BLOCK}.grn.gamma", f"{_OURS}.mlp.grn.weight"),
        (f"{_BLOCK}.grn.beta", f"{_OURS}.mlp.grn.bias"),
        (f"{_BLOCK}.gamma", f"{_OURS}.gamma"),
        ("norm", "head.norm"),
        ("head", "head.fc"),
    ]
)
_HEAD_START = HeadStart("trunc_normal", 2e-5, "ConvNeXt's fine-tuning")
_DECODER = re.compile(r"mask_token|(decoder\.\d+|proj|pred)\..+")
_SPARSE = re.compile(r"(?P<owner>.+)\.(ln|linear)\.(?P<leaf>weight|bias)")


def recognise(file: WeightsFile) -> bool:
    """Recognise its downsampling and depthwise layers; DINOv3's files of these names have ``norms.3``."""
    names = {name.removeprefix("encoder.") for name in file.tensors}
    kernel = names & {"stages.0.0.dwconv.weight", "stages.0.0.dwconv.kernel"}
    pointwise = names & {"stages.0.0.pwconv1.weight", "stages.0.0.pwconv1.linear.weight"}
    known = "downsample_layers.0.0.weight" in names and bool(kernel) and bool(pointwise)
    return known and not any(name.startswith("norms.") for name in names)


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename; drop the decoder, and make sparse layers dense."""
    dropped = []
    dense: dict[str, Tensor] = {}
    theirs: dict[str, str] = {}
    pretraining = any(name.startswith("encoder.") for name in file.tensors)
    leftover = []
    for name, tensor in file.tensors.items():
        if pretraining and _DECODER.fullmatch(name):
            dropped.append((name, "FCMAE's decoder, which reconstructs pixels and is not needed to classify"))
            continue
        plain, values = _dense(name.removeprefix("encoder."), tensor)
        if plain in dense:
            leftover.append(name)
        else:
            dense[plain], theirs[plain] = values, name
    renamed = TABLE.rename(dense)
    state = {name: tensor.flatten() if ".grn." in name else tensor for name, tensor in renamed.state.items()}
    second = any(".grn." in name for name in state)
    headless = not any(name.startswith("head.") for name in state)
    return Translation(
        state,
        dropped=tuple(dropped),
        leftover=(*leftover, *(theirs[name] for name in renamed.leftover)),
        preprocessing=dict(IMAGENET),
        conventions=Conventions(activation="gelu", norm_eps=1e-6),
        head_start=_HEAD_START,
        trained_for=_trained_for(state, pretraining or (headless and second)),
        licence="CC-BY-NC for the published files: not for commercial use" if second else "MIT",
    )


def _trained_for(state: Mapping[str, Tensor], pretrained: bool) -> str:
    if "head.fc.weight" in state:
        return "ImageNet-22k" if state["head.fc.weight"].shape[0] == 21841 else "a classifier"
    return "FCMAE pretraining; no classifier" if pretrained else "no classifier"


def _dense(name: str, tensor: Tensor) -> tuple[str, Tensor]:
    """Return the name and tensor that a layer for sparse pictures has as one for whole pictures."""
    if name.endswith(".kernel") and tensor.ndim in (2, 3):
        side = math.isqrt(tensor.shape[0])
        if side * side == tensor.shape[0]:
            # columns are counted before rows, so the first of the unfolded axes is the column
            places = tensor.unflatten(0, (side, side)).transpose(0, 1)
            kernel = places.permute(2, 0, 1)[:, None] if tensor.ndim == 2 else places.permute(3, 2, 0, 1)
            return f"{name.removesuffix('.kernel')}.weight", kernel.contiguous()
    found = _SPARSE.fullmatch(name)
    if found:
        return f"{found['owner']}.{found['leaf']}", tensor
    if name.endswith(".bias") and tensor.ndim == 2:
        return name, tensor.flatten()
    return name, tensor
