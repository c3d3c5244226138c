"""CLIP's ResNets by open_clip's own, which is OpenAI's, as small as timm's builder allows."""

from functools import partial
from pathlib import Path

import open_clip
import torch
from timm.models.byobnet import ByoBlockCfg, ByobNet, ByoModelCfg
from torch import Tensor, nn

from . import Example, Made, randomise

VISION = {"image_size": 64, "layers": [2, 1, 1, 1], "width": 16, "head_width": 64}
TEXT = {"context_length": 8, "vocab_size": 20, "width": 32, "heads": 2, "layers": 1}
NUMBERS = {"input_resolution": torch.tensor(64), "context_length": torch.tensor(8), "vocab_size": torch.tensor(20)}


def peer() -> nn.Module:
    return randomise(open_clip.CLIP(embed_dim=24, vision_cfg=VISION, text_cfg=TEXT, quick_gelu=True))


def features(visual: nn.Module, x: Tensor, *, pools: bool) -> Tensor:
    """What comes before the projection: the attention pooling's answer with an identity behind it, or the map."""
    given: list[Tensor] = []
    kept, pool = [], visual.attnpool
    handle = pool.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))  # type: ignore[union-attr]
    projection = pool.c_proj  # type: ignore[union-attr]
    kept = [projection.weight, projection.bias]  # type: ignore[union-attr]
    width = projection.in_features  # type: ignore[union-attr]
    projection.weight, projection.bias = nn.Parameter(torch.eye(width)), nn.Parameter(torch.zeros(width))  # type: ignore[union-attr]
    try:
        pooled: Tensor = visual(x)
    finally:
        projection.weight, projection.bias = kept  # type: ignore[union-attr]
        handle.remove()
    return pooled if pools else given[0]


def openai(folder: Path, *, pools: bool = True) -> Made:
    network = peer()
    half = {name: t.half() if t.is_floating_point() else t for name, t in network.state_dict().items()}
    network.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in half.items()})
    torch.save(half | NUMBERS, folder / "RN50.pt")
    return Made(folder / "RN50.pt", partial(features, network.visual, pools=pools))  # type: ignore[arg-type]


def training(folder: Path) -> Made:
    network = peer()
    state = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"epoch": 3, "name": "run", "state_dict": state}, folder / "rn50-quickgelu-cc12m.pt")
    return Made(folder / "rn50-quickgelu-cc12m.pt", partial(features, network.visual, pools=True))  # type: ignore[arg-type]


def tower(folder: Path) -> Made:
    visual = peer().visual
    torch.save(visual.state_dict(), folder / "visual.pt")  # type: ignore[union-attr, operator]
    return Made(folder / "visual.pt", partial(features, visual, pools=True))  # type: ignore[arg-type]


def model(head: str = "attn_abs", classes: int = 7) -> nn.Module:
    widths = ((2, 64, 1), (1, 128, 2), (1, 256, 2), (1, 512, 2))
    network = ByobNet(
        ByoModelCfg(
            blocks=tuple(ByoBlockCfg(type="bottle", d=d, c=c, s=s, br=0.25) for d, c, s in widths),
            stem_chs=(8, 8, 16),
            stem_type="",
            stem_pool="avg2",
            downsample="avg",
            aa_layer="avg",
            head_type=head,
        ),
        num_classes=classes,
        img_size=64,
    )
    place = "head.proj" if head == "attn_abs" else "head.fc"
    network.pretrained_cfg = {"classifier": place, "first_conv": "stem.conv1.conv"}
    return network


def pooled(m: nn.Module, x: Tensor) -> Tensor:
    return m.forward_head(m.forward_features(x), pre_logits=True)  # type: ignore[no-any-return, operator]


EXAMPLES = [
    Example("CLIP ResNet, OpenAI", "CLIP ResNet", openai, model, pooled, (3, 64, 64)),
    Example("CLIP ResNet, OpenCLIP training", "CLIP ResNet", training, model, pooled, (3, 64, 64)),
    Example("CLIP ResNet, tower alone", "CLIP ResNet", tower, model, pooled, (3, 64, 64)),
    Example(
        "CLIP ResNet, into a model that averages",
        "CLIP ResNet",
        partial(openai, pools=False),
        partial(model, "classifier"),
        input_size=(3, 64, 64),
    ),
]
