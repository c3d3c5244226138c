"""OpenCLIP's wrapper around a timm tower, made by open_clip itself."""

from pathlib import Path

import open_clip
import timm
import torch
from torch import nn

from . import Example, Made, randomise

TEXT = {"context_length": 8, "vocab_size": 20, "width": 32, "heads": 2, "layers": 1}
VISION = {"timm_model_name": "test_vit", "timm_model_pretrained": False, "timm_proj": "linear", "image_size": 160}


def made(folder: Path) -> Made:
    network = randomise(open_clip.CustomTextCLIP(embed_dim=16, vision_cfg=VISION, text_cfg=TEXT))
    torch.save(network.state_dict(), folder / "open_clip_pytorch_model.bin")
    return Made(folder / "open_clip_pytorch_model.bin", network.visual.trunk.forward_features)  # type: ignore[union-attr, arg-type]


def model() -> nn.Module:
    return timm.create_model("test_vit", num_classes=7)


EXAMPLES = [Example("OpenCLIP, timm tower", "OpenCLIP around timm", made, model, input_size=(3, 160, 160))]
