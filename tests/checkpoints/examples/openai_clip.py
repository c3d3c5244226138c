"""CLIP's files by open_clip's own vision transformer, in the forms of OpenAI and of OpenCLIP's training."""

import json
from functools import partial
from pathlib import Path

import open_clip
import timm
import torch
from torch import Tensor, nn

from . import Example, Made, randomise

VISION = {"image_size": 32, "layers": 2, "width": 128, "patch_size": 8, "head_width": 64}
TEXT = {"context_length": 8, "vocab_size": 20, "width": 32, "heads": 2, "layers": 1}


def peer(*, quick: bool) -> nn.Module:
    return randomise(open_clip.CLIP(embed_dim=16, vision_cfg=VISION, text_cfg=TEXT, quick_gelu=quick))


def features(network: nn.Module, x: Tensor) -> Tensor:
    """The class token after the last norm: the tower's output with its projection undone by an identity."""
    visual: nn.Module = network.visual  # type: ignore[assignment]
    kept, visual.proj = visual.proj, None
    try:
        return visual(x)  # type: ignore[no-any-return]
    finally:
        visual.proj = kept


def openai(folder: Path) -> Made:
    network = peer(quick=True)
    half = {name: tensor.half() for name, tensor in network.state_dict().items()}
    network.load_state_dict({name: tensor.float() for name, tensor in half.items()})
    numbers = {"input_resolution": torch.tensor(32), "context_length": torch.tensor(8), "vocab_size": torch.tensor(20)}
    torch.save(half | numbers, folder / "ViT-B-8.pt")
    return Made(folder / "ViT-B-8.pt", partial(features, network))


def torchscript(folder: Path) -> Made:
    network = peer(quick=True)
    for name, number in {"input_resolution": 32, "context_length": 8, "vocab_size": 20}.items():
        network.__dict__.pop(name, None)
        network.register_buffer(name, torch.tensor(number))
    traced = torch.jit.trace(
        network, (torch.zeros(1, 3, 32, 32), torch.zeros(1, 8, dtype=torch.long)), check_trace=False
    )
    torch.jit.save(traced, folder / "ViT-B-8.pt")
    return Made(folder / "ViT-B-8.pt", partial(features, network))


def training(folder: Path) -> Made:
    network = peer(quick=False)
    state = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"epoch": 3, "name": "run", "state_dict": state}, folder / "epoch_3.pt")
    return Made(folder / "epoch_3.pt", partial(features, network))


def tower(folder: Path) -> Made:
    network = peer(quick=False)
    torch.save(network.visual.state_dict(), folder / "visual.pt")  # type: ignore[union-attr, operator]
    return Made(folder / "visual.pt", partial(features, network))


def configured(folder: Path, *, quick: bool = False, text: str = "", **vision: object) -> Made:
    """A folder of OpenCLIP's on the hub: the configuration tells what no tensor does."""
    kind = open_clip.CustomTextCLIP if text else open_clip.CLIP
    network = randomise(kind(embed_dim=16, vision_cfg=VISION | vision, text_cfg=TEXT, quick_gelu=quick))
    settings = {"embed_dim": 16, "quick_gelu": quick, "vision_cfg": VISION | vision, "text_cfg": TEXT}
    config = {"model_cfg": settings, "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.save(network.state_dict(), folder / "open_clip_pytorch_model.bin")
    return Made(folder, partial(features, network))


def named(folder: Path) -> Made:
    """OpenCLIP's names of published files tell quick GELU."""
    network = peer(quick=True)
    torch.save({"state_dict": network.state_dict()}, folder / "vit_b_8-quickgelu-laion400m_e32.pt")
    return Made(folder / "vit_b_8-quickgelu-laion400m_e32.pt", partial(features, network))


def model(**arguments: object) -> nn.Module:
    sizes = {"img_size": 32, "patch_size": 8, "embed_dim": 128, "depth": 2, "num_heads": 2, "num_classes": 7}
    return timm.create_model("vit_base_patch16_clip_224", **(sizes | arguments))


def pooled(m: nn.Module, x: Tensor) -> Tensor:
    return m.forward_head(m.forward_features(x), pre_logits=True)  # type: ignore[no-any-return, operator]


EXAMPLES = [
    Example("CLIP, OpenAI in half precision", "CLIP", openai, model, pooled),
    Example("CLIP, OpenAI's TorchScript", "CLIP", torchscript, model, pooled),
    Example("CLIP, OpenCLIP training", "CLIP", training, model, pooled),
    Example("CLIP, tower alone", "CLIP", tower, model, pooled),
    Example("CLIP, OpenCLIP, quick by its configuration", "CLIP", partial(configured, quick=True), model, pooled),
    Example("CLIP, OpenCLIP, quick by its name", "CLIP", named, model, pooled),
    Example("CLIP, OpenCLIP, text tower apart", "CLIP", partial(configured, text="apart"), model, pooled),
    Example(
        "CLIP, OpenCLIP, other heads and epsilon",
        "CLIP",
        partial(configured, head_width=32, norm_kwargs={"eps": 1e-2}, act_kwargs={"approximate": "tanh"}),
        model,
        pooled,
    ),
    Example(
        "CLIP, OpenCLIP, layer scale",
        "CLIP",
        partial(configured, ls_init_value=0.1),
        partial(model, init_values=0.1),
        pooled,
    ),
    Example(
        "CLIP, CLIPA",
        "CLIP",
        partial(configured, no_ln_pre=True, pool_type="avg", final_ln_after_pool=True),
        partial(model, pre_norm=False, global_pool="avg"),
        pooled,
    ),
]
