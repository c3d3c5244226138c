"""MMPretrain's ResNet; MMPretrain needs mmcv, which does not install here. The plain networks are torchvision's; the
variant D is put together here as MMPretrain puts it together: from layers in sequences of the same numbering."""

from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from . import Example, Made, randomise

DIALECT = "MMPretrain ResNet"


def convolution(inner: int, out: int, side: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inner, out, side, stride, side // 2, bias=False)


class DeepStem(nn.Module):
    """``stem.0.conv``, ``stem.0.bn`` and so on."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 32, 64)
        self.stem = nn.Sequential(
            *(
                nn.ModuleDict({"conv": convolution(inner, out, stride=1 + (index == 0)), "bn": nn.BatchNorm2d(out)})
                for index, (inner, out) in enumerate(pairwise(widths))
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.stem:
            x = layer["bn"](layer["conv"](x)).relu()  # type: ignore[index]
        return x


def shortcut(inner: int, out: int, stride: int) -> nn.Sequential:
    average = [nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)] if stride != 1 else []
    return nn.Sequential(*average, convolution(inner, out, 1), nn.BatchNorm2d(out))


class VariantD(nn.Module):
    """Torchvision's blocks in four stages of the same width."""

    def __init__(self) -> None:
        super().__init__()
        self.deep = DeepStem()
        self.pool = nn.MaxPool2d(3, 2, 1)
        first = nn.Sequential(Bottleneck(64, 32, downsample=shortcut(64, 128, 1)))
        others = [nn.Sequential(Bottleneck(128, 32, 2, shortcut(128, 128, 2)), Bottleneck(128, 32)) for _ in range(3)]
        self.layer1, self.layer2, self.layer3, self.layer4 = first, *others

    def forward(self, x: Tensor) -> Tensor:
        found = self.layer4(self.layer3(self.layer2(self.layer1(self.pool(self.deep(x))))))
        assert isinstance(found, Tensor)
        return found


def under_backbone(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.replace("fc.", "head.fc.") if name.startswith("fc.") else f"backbone.{name.removeprefix('deep.')}": tensor
        for name, tensor in state.items()
    }


def save(folder: Path, state: dict[str, Tensor]) -> Path:
    torch.save({"meta": {"mmcls_version": "0.23.0"}, "state_dict": under_backbone(state)}, folder / "resnet.pth")
    return folder / "resnet.pth"


def write(folder: Path, block: Any = BasicBlock, **how: Any) -> Made:
    network = randomise(ResNet(block, [1, 1, 1, 1], num_classes=5, **how))
    layers = [getattr(network, name) for name in ("conv1", "bn1", "relu", "maxpool")]
    stages = [getattr(network, f"layer{number}") for number in (1, 2, 3, 4)]
    return Made(save(folder, network.state_dict()), nn.Sequential(*layers, *stages).eval())


def variant_d(folder: Path) -> Made:
    network = randomise(VariantD())
    head = {"fc.weight": torch.randn(5, 128), "fc.bias": torch.randn(5)}
    return Made(save(folder, network.state_dict() | head), network)


def model(block: Any = timm.models.resnet.BasicBlock, **how: Any) -> nn.Module:
    return timm.models.ResNet(block, (1, 1, 1, 1), num_classes=7, **how)  # type: ignore[arg-type]


def model_d() -> nn.Module:
    return timm.models.ResNet(
        timm.models.resnet.Bottleneck, (1, 2, 2, 2), num_classes=7, channels=(32, 32, 32, 32),
        stem_width=32, stem_type="deep", avg_down=True,
    )  # type: ignore[arg-type] # fmt: skip


EXAMPLES = [
    Example("MMPretrain ResNet", DIALECT, write, model, input_size=(3, 64, 64)),
    Example(
        "MMPretrain ResNeXt",
        DIALECT,
        partial(write, block=Bottleneck, groups=4, width_per_group=8),
        partial(model, timm.models.resnet.Bottleneck, cardinality=4, base_width=8),
        input_size=(3, 64, 64),
    ),
    Example("MMPretrain ResNetV1d", DIALECT, variant_d, model_d, input_size=(3, 64, 64)),
]
