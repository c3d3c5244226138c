from __future__ import annotations

import copy

import pytest
import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toprung.errors import ModelError
from toprung.models.blocks.multi_sample_dropout import MultiSampleLinear, add_multi_sample_dropout
from toprung.training.averaging import WeightAverage
from toprung.training.losses import make_loss, mean_over_samples

SIZE = (32, 32)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def multi(name: str = "test_vit", samples: int = 4, rate: float = 0.5) -> nn.Module:
    arguments = {"img_size": 32} if "vit" in name or "swin" in name else {}
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=3, **arguments)
    add_multi_sample_dropout(model, samples=samples, rate=rate, input_size=SIZE)
    return model


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.9])
def test_one_sample_is_ordinary_dropout_and_a_linear_layer(rate: float) -> None:
    plain = nn.Linear(50, 7)
    ordinary, ours = nn.Sequential(nn.Dropout(rate), copy.deepcopy(plain)), MultiSampleLinear(plain, 1, rate)
    features = drawn(6, 50)
    torch.manual_seed(5)
    wanted = ordinary(features)
    torch.manual_seed(5)
    logits = ours(features)
    assert torch.equal(logits[0], wanted)
    labels = torch.arange(6)
    F.cross_entropy(wanted, labels).backward()
    targets = F.one_hot(labels, 7).float()
    mean_over_samples(make_loss("cross_entropy", focal_gamma=0))(logits, targets).mean().backward()
    assert torch.allclose(plain.weight.grad, ordinary[1].weight.grad, atol=1e-7)


def test_each_sample_drops_its_own_share_of_the_features_and_scales_the_rest() -> None:
    plain = nn.Linear(2000, 2000, bias=False)
    nn.init.eye_(plain.weight)
    masks = MultiSampleLinear(plain, 5, 0.2)(torch.ones(3, 2000))
    assert masks.shape == (5, 3, 2000)
    assert torch.allclose(masks.unique(), torch.tensor([0.0, 1.25]))
    shares = (masks == 0).float().mean(dim=-1)
    assert ((shares - 0.2).abs() < 5 * (0.2 * 0.8 / 2000) ** 0.5).all()
    rows = masks.flatten(0, 1)
    assert len(rows.unique(dim=0)) == 15  # no mask twice, neither among samples nor among pictures


@pytest.mark.parametrize("loss", ["cross_entropy", "bce", "focal"])
def test_the_loss_is_the_mean_of_the_samples_losses(loss: str) -> None:
    per_picture = make_loss(loss, focal_gamma=2, class_weights=torch.tensor([0.5, 1.0, 2.0]))
    logits, targets = drawn(4, 6, 3), drawn(6, 3, seed=1).softmax(-1)
    whole = mean_over_samples(per_picture)(logits, targets)
    one_by_one = torch.stack([per_picture(sample, targets) for sample in logits])
    assert torch.allclose(whole, one_by_one.mean(dim=0), atol=1e-6)
    # Neither the sum of the losses nor the loss of the mean logits, which for a convex loss is smaller.
    if loss != "focal":
        assert (per_picture(logits.mean(dim=0), targets) < whole).all()


def test_without_dropout_any_number_of_samples_gives_the_plain_gradient() -> None:
    """With the sum of the losses it would be as many times as large."""
    plain = nn.Linear(20, 3)
    many = MultiSampleLinear(copy.deepcopy(plain), 8, 0.0)
    features, targets = drawn(6, 20), drawn(6, 3, seed=1).softmax(-1)
    loss = mean_over_samples(make_loss("cross_entropy", focal_gamma=0))
    loss(plain(features), targets).mean().backward()
    loss(many(features), targets).mean().backward()
    assert torch.allclose(many.weight.grad, plain.weight.grad, atol=1e-7)


@pytest.mark.parametrize(
    "name",
    ["test_vit", "test_resnet", "test_convnext", "test_efficientnet", "test_nfnet", "swin_tiny_patch4_window7_224"],
)
def test_timms_models_take_it_and_stay_themselves(name: str) -> None:
    arguments = {"img_size": 32} if "vit" in name or "swin" in name else {}
    plain = timm.create_model(name, num_classes=3, **arguments)
    model = copy.deepcopy(plain)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    add_multi_sample_dropout(model, samples=4, rate=0.5, input_size=SIZE)
    assert isinstance(model.get_classifier(), MultiSampleLinear)
    assert model.training
    after = model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key], before[key]) for key in before)  # BatchNorm statistics too
    assert [key for key, _ in model.named_parameters()] == [key for key, _ in plain.named_parameters()]
    pictures = drawn(2, 3, *SIZE)
    assert model.train()(pictures).shape == (4, 2, 3)
    fresh = timm.create_model(name, num_classes=3, **arguments).eval()
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(model.eval()(pictures), fresh(pictures))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("deit_tiny_distilled_patch16_224", "VisionTransformerDistilled has Linear, Linear"),
        ("test_vit", "VisionTransformer has Identity"),
        ("levit_128s", "LevitDistilled has NormLinear, NormLinear"),
    ],
)
def test_a_classifier_that_is_not_one_linear_layer_is_refused(name: str, says: str) -> None:
    model = timm.create_model(name, num_classes=0 if name == "test_vit" else 3)
    with pytest.raises(ModelError, match=f"needs one linear classifier and {says}; leave model.dropout_samples out"):
        add_multi_sample_dropout(model, samples=4, rate=0.5, input_size=(224, 224))


def test_a_model_that_changes_its_classifiers_answers_is_refused_and_left_as_it_was() -> None:
    class Averaging(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 5)

        def get_classifier(self) -> nn.Module:
            return self.fc

        def forward(self, pictures: Tensor) -> Tensor:
            return self.fc(pictures.flatten(2).transpose(1, 2)).mean(dim=1)

    model = Averaging()
    fc = model.fc
    with pytest.raises(ModelError, match="Averaging does something with the classifier's answers"):
        add_multi_sample_dropout(model, samples=4, rate=0.5, input_size=SIZE)
    assert model.fc is fc
    assert model.training


def test_its_average_is_a_model_of_its_own() -> None:
    model = multi()
    average = WeightAverage(model, 0.9)
    assert average.module.get_classifier().weight is not model.get_classifier().weight
    with torch.no_grad():
        model.get_classifier().weight.add_(1.0)
    average.update(model)
    assert average.module(drawn(2, 3, *SIZE)).shape == (2, 3)


def test_it_compiles_in_both_modes() -> None:
    model = multi(rate=0.5)
    compiled = torch.compile(model, backend="eager")
    pictures = drawn(2, 3, *SIZE)
    assert compiled(pictures).shape == (4, 2, 3)
    model.eval()
    assert torch.allclose(compiled(pictures), model(pictures), atol=1e-6)


def test_steps_on_its_loss_bring_the_plain_loss_down() -> None:
    model = multi(rate=0.3)
    pictures, targets = drawn(6, 3, *SIZE), F.one_hot(torch.tensor([0, 1, 2, 0, 1, 2]), 3).float()
    loss = mean_over_samples(make_loss("cross_entropy", focal_gamma=0))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    before = float(loss(model.eval()(pictures), targets).mean().detach())
    for _ in range(2):
        optimizer.zero_grad()
        loss(model.train()(pictures), targets).mean().backward()
        optimizer.step()
    assert float(loss(model.eval()(pictures), targets).mean().detach()) < before
