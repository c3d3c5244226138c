"""SigLIP and SigLIP2, made by transformers itself."""

from typing import Any

import timm
import torch
from torch import Tensor, nn
from transformers import (
    Siglip2VisionConfig,
    Siglip2VisionModel,
    SiglipConfig,
    SiglipForImageClassification,
    SiglipModel,
    SiglipVisionConfig,
    SiglipVisionModel,
)

from . import Example
from ._hf_files import LABELS, SIZES, TIMM_SIZES, written
from .hf_clip import TEXT

DIALECT = "transformers SigLIP"


def model(name: str = "vit_base_patch16_siglip_224", **arguments: object) -> nn.Module:
    return timm.create_model(name, num_classes=7, **(TIMM_SIZES | arguments))


def averaging() -> nn.Module:
    return model("vit_base_patch16_siglip_gap_224")


def larger() -> nn.Module:
    return model(img_size=40)


def pooled(tower: Any, pictures: Tensor) -> Tensor:
    found = tower(pixel_values=pictures).pooler_output
    assert isinstance(found, Tensor)
    return found


def in_patches(tower: Any, pictures: Tensor) -> Tensor:
    """NaFlex cuts pictures into patches, row by row, each as (row, column, colour), before the network."""
    rows, columns = pictures.shape[2] // 8, pictures.shape[3] // 8
    patches = pictures.reshape(len(pictures), 3, rows, 8, columns, 8).permute(0, 2, 4, 3, 5, 1)
    flat = patches.reshape(len(pictures), rows * columns, -1)
    shapes = torch.tensor([[rows, columns]] * len(pictures))
    mask = torch.ones(flat.shape[:2], dtype=torch.long)
    found = tower(pixel_values=flat, pixel_attention_mask=mask, spatial_shapes=shapes).pooler_output
    assert isinstance(found, Tensor)
    return found


def before_head(m: Any, x: Tensor) -> Tensor:
    found = m.forward_head(m.forward_features(x), pre_logits=True)
    assert isinstance(found, Tensor)
    return found


def averaged(tower: Any, pictures: Tensor) -> Tensor:
    found = tower(pixel_values=pictures).last_hidden_state.mean(1)
    assert isinstance(found, Tensor)
    return found


def both() -> nn.Module:
    return SiglipModel(SiglipConfig(vision_config=SIZES, text_config=TEXT))


def vision(**changes: object) -> nn.Module:
    return SiglipVisionModel(SiglipVisionConfig(**(SIZES | changes)))


def exact() -> nn.Module:
    return vision(hidden_act="gelu", layer_norm_eps=1e-3)


def classifier() -> nn.Module:
    return SiglipForImageClassification(SiglipConfig(vision_config=SIZES, text_config=TEXT, id2label=LABELS))


def naflex() -> nn.Module:
    sizes = {key: value for key, value in SIZES.items() if key != "image_size"}
    return Siglip2VisionModel(Siglip2VisionConfig(**sizes, num_patches=16))


def example(name: str, make: Any, build: Any = model, size: tuple[int, int, int] = (3, 32, 32)) -> Example:
    return Example(f"transformers SigLIP, {name}", DIALECT, make, build, before_head, size)


EXAMPLES = [
    example("both towers", written(both, pooled, inner="vision_model")),
    example("both towers, memory", written(both, pooled, inner="vision_model", how="memory")),
    example("both towers, folder", written(both, pooled, inner="vision_model", how="folder")),
    example("vision", written(vision, pooled)),
    example("vision, memory", written(vision, pooled, how="memory")),
    example("vision, folder", written(exact, pooled, how="folder")),
    example("classifier", written(classifier, averaged, inner="vision_model"), averaging),
    example("version 2", written(naflex, in_patches)),
    example("version 2, folder", written(naflex, in_patches, how="folder")),
    example("version 2, another size", written(naflex, in_patches), larger, (3, 40, 40)),
]
