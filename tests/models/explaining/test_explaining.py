"""Maps against hand computation, and where they must point."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import Tensor, nn

from toprung.errors import ModelError
from toprung.models.explaining import explain
from toprung.models.explaining.gradcam import GradCam
from toprung.models.explaining.rollout import rolled_out


class Tiny(nn.Module):
    """Two channels, global average pooling, a linear head: Grad-CAM has a closed form."""

    num_features = 2
    pretrained_cfg = {"input_size": (3, 4, 4)}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1, bias=False)
        self.head = nn.Linear(2, 3, bias=False)

    def forward_features(self, inputs: Tensor) -> Tensor:
        """Return ``(B, 2, h, w)``."""
        return self.conv(inputs)

    def forward_head(self, features: Tensor) -> Tensor:
        """Return logits."""
        return self.head(features.mean(dim=(2, 3)))


def test_gradcam_is_the_class_activation_map_of_a_pooled_linear_head() -> None:
    """Zhou et al. 2016: with global average pooling, Grad-CAM is CAM up to the factor 1 / (h w)."""
    torch.manual_seed(0)
    model, inputs = Tiny().eval(), torch.randn(2, 3, 4, 4)
    classes = torch.tensor([2, 0])
    maps = GradCam()(model, inputs, classes)
    features = model.conv(inputs)
    expected = (model.head.weight[classes][:, :, None, None] * features).sum(dim=1).relu() / 16
    assert torch.allclose(maps, expected, atol=1e-6)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_gradcam_of_a_resnet_is_gradcams_own() -> None:
    """Against the definition, by hooks on the whole network."""
    torch.manual_seed(0)
    model = timm.create_model("test_resnet", num_classes=5).eval()
    inputs = torch.randn(1, 3, 64, 64)
    kept: dict[str, Tensor] = {}
    hook = model.layer4.register_forward_hook(lambda _m, _i, out: kept.update(features=out))
    logits = model(inputs)
    hook.remove()
    (slopes,) = torch.autograd.grad(logits[0, 3], kept["features"])
    expected = (slopes.mean(dim=(2, 3), keepdim=True) * kept["features"]).sum(dim=1).relu()
    assert torch.allclose(GradCam()(model, inputs, torch.tensor([3])), expected, atol=1e-5)


def test_rollout_by_hand() -> None:
    first = torch.tensor([[[1.0, 0.0], [0.5, 0.5]]])
    second = torch.tensor([[[0.0, 1.0], [0.0, 1.0]]])
    eye = torch.eye(2)
    expected = (0.5 * second[0] + 0.5 * eye) @ (0.5 * first[0] + 0.5 * eye)
    flow = rolled_out([first, second])
    assert torch.allclose(flow[0], expected)
    assert torch.allclose(flow.sum(dim=2), torch.ones(1, 2))


@pytest.mark.parametrize("name", ["test_vit", "vit_small_patch14_dinov2", "deit_tiny_patch16_224"])
def test_rollout_reads_the_attention_that_the_network_used(name: str) -> None:
    """The answers stay the same to rounding, and the fused kernel is put back."""
    model = timm.create_model(name, num_classes=4, img_size=56 if "14" in name else 64).eval()
    inputs = torch.randn(2, 3, *model.patch_embed.img_size)
    with torch.inference_mode():
        before = model(inputs)
    maps, method = explain(model, inputs, torch.tensor([0, 1]))
    with torch.inference_mode():
        assert torch.equal(model(inputs), before)
    assert method == "rollout"
    assert maps.shape == (2, *inputs.shape[2:])
    assert all(block.attn.fused_attn for block in model.blocks)
    assert maps.amax(dim=(1, 2)) == pytest.approx(torch.ones(2))


def test_the_map_lies_where_the_answer_is() -> None:
    """A network whose class 1 is the redness of the picture looks at the red corner."""
    model = Tiny().eval()
    with torch.no_grad():
        model.conv.weight.zero_()
        model.conv.weight[0, 0] = 1.0
        model.head.weight.zero_()
        model.head.weight[1, 0] = 1.0
    inputs = torch.zeros(1, 3, 32, 32)
    inputs[0, 0, :8, 24:] = 1.0
    maps, method = explain(model, inputs, torch.tensor([1]))
    assert method == "gradcam"
    assert maps[0, :8, 24:].mean() > 0.9
    assert maps[0, 16:, :16].max() == 0


def test_a_network_that_nothing_fits() -> None:
    with pytest.raises(ModelError, match="no way of explaining fits Linear"):
        explain(nn.Linear(3, 2), torch.zeros(1, 3, 8, 8), torch.tensor([0]))
