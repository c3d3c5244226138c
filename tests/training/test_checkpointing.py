import pytest
import timm
import torch
from torch import nn

from toprung.errors import ModelError
from toprung.training.checkpointing import has_grad_checkpointing, set_grad_checkpointing


def _gradients(model: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    model.zero_grad()
    torch.manual_seed(1)
    model(images).logsumexp(-1).sum().backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


@pytest.mark.parametrize("name", ["test_vit", "test_resnet", "test_convnext"])
def test_gradients_are_identical_with_and_without(name: str) -> None:
    model = timm.create_model(name, drop_path_rate=0.2).train()
    images = torch.randn(2, 3, 96, 96) if name != "test_vit" else torch.randn(2, 3, 160, 160)
    plain = _gradients(model, images)
    set_grad_checkpointing(model, on=True)
    for mine, theirs in zip(_gradients(model, images), plain, strict=True):
        assert torch.equal(mine, theirs)


def test_a_model_without_it_is_refused_with_the_remedy() -> None:
    model = timm.create_model("hrnet_w18_small", pretrained=False)
    assert not has_grad_checkpointing(model)
    set_grad_checkpointing(model, on=False)
    with pytest.raises(ModelError, match=r"timm has no gradient checkpointing for .*micro_batch"):
        set_grad_checkpointing(model, on=True)


def test_asking_leaves_it_off() -> None:
    model = timm.create_model("test_vit")
    assert has_grad_checkpointing(model)
    assert not model.grad_checkpointing
