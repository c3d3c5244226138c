"""DINOv2 of Hugging Face transformers, with and without registers (Dinov2Model, Dinov2WithRegistersModel, ...).

Facts:

- the network hangs under ``dinov2.`` or ``dinov2_with_registers.`` in the classes for a task, and is bare otherwise;
- query, key and value are three layers, renamed in version 5's memory only; layer scale is ``layer_scale1.lambda1``;
- the giant's MLP is gated by SiLU: on disk ``mlp.weights_in`` is gate and value in one matrix, as timm's ``mlp.fc1``;
  in version 5's memory they are ``gate_proj`` and ``up_proj``;
- positions belong to the class token and the patches; registers come in after them and have none;
- ``classifier`` reads the class token and the average of the patches side by side: it is twice as wide as the network,
  and no head of timm's has that width;
- LayerNorm epsilon 1e-6, exact GELU by default; ImageNet's mean and std; published files are for 518 pixels;
- position embeddings are resized bicubically; with antialiasing only where there are registers.
"""

from __future__ import annotations

from dataclasses import replace

from toprung.checkpoints.dialects import IMAGENET, Target, Translation
from toprung.checkpoints.dialects import _transformers as hf
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable

NAME = "transformers DINOv2"
_COMMON: hf.Rules = [
    *(rule for rule in hf.VIT_ENDS if rule[0] != "classifier"),
    ("embeddings.register_tokens", "reg_token"),
    ("encoder.layer.{i}.norm1", "blocks.{i}.norm1"),
    ("encoder.layer.{i}.norm2", "blocks.{i}.norm2"),
    ("encoder.layer.{i}.layer_scale1.lambda1", "blocks.{i}.ls1.gamma"),
    ("encoder.layer.{i}.layer_scale2.lambda1", "blocks.{i}.ls2.gamma"),
]
_MLP: hf.Rules = [
    ("encoder.layer.{i}.mlp.fc1", "blocks.{i}.mlp.fc1"),
    ("encoder.layer.{i}.mlp.fc2", "blocks.{i}.mlp.fc2"),
]
_GATED: hf.Rules = [
    ("encoder.layer.{i}.mlp.weights_in", "blocks.{i}.mlp.fc1"),
    ("encoder.layer.{i}.mlp.weights_out", "blocks.{i}.mlp.fc2"),
]
_GATED_IN_MEMORY: hf.Rules = [
    (["encoder.layer.{i}.mlp.gate_proj", "encoder.layer.{i}.mlp.up_proj"], "blocks.{i}.mlp.fc1"),
    ("encoder.layer.{i}.mlp.down_proj", "blocks.{i}.mlp.fc2"),
]
_QKV: hf.Rules = hf.VIT_BLOCKS[:2]
_QKV_IN_MEMORY: hf.Rules = [
    ([f"encoder.layer.{{i}}.attention.{part}_proj" for part in "qkv"], "blocks.{i}.attn.qkv"),
    ("encoder.layer.{i}.attention.o_proj", "blocks.{i}.attn.proj"),
]
TABLE = NameTable([*_COMMON, *_QKV, *_MLP])

_TABLES = (
    TABLE,
    NameTable([*_COMMON, *_QKV_IN_MEMORY, *_MLP]),
    NameTable([*_COMMON, *_QKV, *_GATED]),
    NameTable([*_COMMON, *_QKV_IN_MEMORY, *_GATED_IN_MEMORY]),
)
_PREFIXES = ("dinov2_with_registers.", "dinov2.")
_SPARE = (
    hf.MASK_TOKEN,
    ("classifier.", "head on the class token and the average of the patches, twice as wide as any head of the model"),
)
_MARKS = {
    "embeddings.cls_token",
    "embeddings.position_embeddings",
    "embeddings.patch_embeddings.projection.weight",
    "encoder.layer.0.norm1.weight",
    "encoder.layer.0.layer_scale1.lambda1",
}


def recognise(file: WeightsFile) -> bool:
    """Recognise the library's names with ``norm1`` and layer scale."""
    return hf.is_type(file, "dinov2", "dinov2_with_registers") and hf.inner_names(file, *_PREFIXES) >= _MARKS


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Join query, key and value; drop the double-width classifier."""
    names = hf.rename(file.tensors, hf.prefix_of(file.tensors, *_PREFIXES), _SPARE, *_TABLES)
    gated = any(".mlp.weights_in." in name or ".mlp.gate_proj." in name for name in file.tensors)
    how = hf.computing(file.config, None if gated else "gelu", 1e-6)
    registers = "reg_token" in names.state
    return replace(
        hf.plain_vit(names, how, file.config, 1),
        preprocessing=dict(IMAGENET),
        antialias=registers,
        trained_for="DINOv2 self-supervision",
    )
