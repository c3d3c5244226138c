from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from toprung.errors import ModelError
from toprung.models.catalogue import build
from toprung.models.trunk import (
    classifier_of,
    feature_function,
    linear_classifier_of,
    replace_classifier,
    trunk_fingerprint,
)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("test_vit", "head"),
        ("test_resnet", "fc"),
        ("test_efficientnet", "classifier"),
        ("test_convnext", "head.fc"),
        ("test_mambaout", "head.fc"),
        ("test_byobnet", "head.fc"),
    ],
)
def test_features_are_timms_pre_logits_and_the_classifier_follows_them(name: str, place: str) -> None:
    model = build(name, 5, {}).eval()
    assert classifier_of(model)[0] == place
    pictures = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    if name == "test_vit":
        pictures = F.interpolate(pictures, (160, 160))
    with torch.inference_mode():
        features = feature_function(model, (pictures.shape[2], pictures.shape[3]))(pictures)
        theirs = model.forward_head(model.forward_features(pictures), pre_logits=True)
        torch.testing.assert_close(features, theirs)
        classifier = linear_classifier_of(model)
        torch.testing.assert_close(F.linear(features, classifier.weight, classifier.bias), model(pictures))


def test_another_head_takes_the_classifiers_place() -> None:
    model = build("test_convnext", 5, {}).eval()
    replace_classifier(model, nn.Sequential(nn.Flatten(), nn.LazyLinear(2)))
    assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 2)


@pytest.mark.parametrize("name", ["deit_tiny_distilled_patch16_224", "test_nfnet"])
def test_models_without_one_linear_classifier(name: str) -> None:
    """DeiT's distilled models have two classifiers; NFNet's test model has an ordinary one, as a control."""
    model = build(name, 5, {}).eval()
    if name == "test_nfnet":
        linear_classifier_of(model)
    else:
        with pytest.raises(ModelError, match="no single classifier"):
            linear_classifier_of(model)


class _Odd(nn.Module):
    """A model whose answer is not that of its classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def get_classifier(self) -> nn.Module:
        return self.fc

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = 10 * self.fc(pictures.mean((2, 3)))
        return logits


def test_a_model_that_changes_its_classifiers_answer_is_refused() -> None:
    with pytest.raises(ModelError, match="changes what its classifier answers"):
        feature_function(_Odd(), (8, 8))


class _Dense(_Odd):
    """A model whose classifier answers for every pixel."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.fc(pictures.movedim(1, 3)).mean((1, 2))
        return logits


def test_a_model_whose_classifier_sees_more_than_one_row_is_refused() -> None:
    with pytest.raises(ModelError, match="one row of features per picture"):
        feature_function(_Dense(), (8, 8))


def test_the_fingerprint_is_that_of_the_trunk() -> None:
    model = build("test_resnet", 5, {})
    before = trunk_fingerprint(model)
    nn.init.normal_(linear_classifier_of(model).weight)
    assert trunk_fingerprint(model) == before
    with torch.no_grad():
        next(model.parameters()).view(-1)[0] += 1e-6
    assert trunk_fingerprint(model) != before
