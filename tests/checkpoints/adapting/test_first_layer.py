"""Input channels and patch sizes: identities of convolution, and FlexiViT's defining property."""

from pathlib import Path

import pytest
import timm
import torch
import torch.nn.functional as F
from torch import nn

from tests.checkpoints.examples import randomise
from toprung.checkpoints.adapting.patches import adapt_channels, resize_patches
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch
from toprung.models.catalogue import evaluating

SIZES = {"img_size": 32, "embed_dim": 24, "depth": 1, "num_heads": 2}


def vit(**arguments: object) -> nn.Module:
    return timm.create_model("vit_base_patch16_224", num_classes=5, **(SIZES | {"patch_size": 8} | arguments))


def answers(model: nn.Module, pictures: torch.Tensor) -> torch.Tensor:
    with torch.no_grad(), evaluating(model):
        return model.forward_features(pictures)  # type: ignore[no-any-return, operator]


@pytest.mark.parametrize("name", ["vit", "test_resnet"])
def test_a_grey_picture_gets_the_answer_of_the_same_picture_in_rgb(tmp_path: Path, name: str) -> None:
    def build(channels: int) -> nn.Module:
        if name == "vit":
            return vit(in_chans=channels)
        return timm.create_model(name, num_classes=5, in_chans=channels)

    peer = randomise(build(3))
    torch.save(peer.state_dict(), tmp_path / "weights.pth")
    model = build(1)
    report = load_weights(model, tmp_path / "weights.pth")
    grey = torch.randn(2, 1, 32, 32)
    torch.testing.assert_close(answers(model, grey), answers(peer, grey.expand(-1, 3, -1, -1)), atol=1e-4, rtol=1e-4)
    assert report.resized[0].method == "summed over RGB"


@pytest.mark.parametrize("channels", [2, 4, 6, 7])
def test_more_channels_of_the_same_picture_give_a_response_of_the_same_size(channels: int) -> None:
    kernel = torch.randn(8, 3, 5, 5).mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    picture = torch.randn(1, 1, 9, 9)
    wanted = F.conv2d(picture.expand(-1, 3, -1, -1), kernel)
    found = F.conv2d(picture.expand(-1, channels, -1, -1), adapt_channels(kernel, channels))
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_the_flexi_resize_keeps_the_embedding_of_an_enlarged_patch() -> None:
    kernel = torch.randn(6, 3, 8, 8)
    patch = torch.randn(1, 3, 8, 8)
    enlarged = F.interpolate(patch, size=(12, 12), mode="bilinear", align_corners=False)
    found = F.conv2d(enlarged, resize_patches(kernel, (12, 12), "flexi"))
    torch.testing.assert_close(found, F.conv2d(patch, kernel), atol=1e-3, rtol=1e-3)


def test_the_bicubic_resize_keeps_the_answer_to_an_even_picture() -> None:
    kernel = torch.randn(6, 3, 8, 8)
    found = F.conv2d(torch.ones(1, 3, 16, 16), resize_patches(kernel, (16, 16), "bicubic"))
    assert found.shape == (1, 6, 1, 1)
    assert torch.corrcoef(torch.stack([found.flatten(), kernel.sum((1, 2, 3))]))[0, 1] > 0.99


@pytest.mark.parametrize("how", ["flexi", "bicubic"])
def test_another_patch_size_is_refused_unless_asked_for(tmp_path: Path, how: str) -> None:
    torch.save(randomise(vit()).state_dict(), tmp_path / "weights.pth")
    with pytest.raises(WeightsMismatch, match=r"patch_embed\.proj\.weight is"):
        load_weights(vit(patch_size=16), tmp_path / "weights.pth")
    report = load_weights(vit(patch_size=16), tmp_path / "weights.pth", patch_resize=how)  # type: ignore[arg-type]
    assert {resized.name for resized in report.resized} == {"patch_embed.proj.weight", "pos_embed"}
