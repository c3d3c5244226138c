import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss

from toprung.errors import RecipeError
from toprung.training.losses import (
    balanced_class_weights,
    binary_cross_entropy,
    focal,
    make_loss,
    soft_cross_entropy,
)


def drawn(pictures: int, classes: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, soft targets and class weights."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(pictures, classes, generator=generator, dtype=torch.float64)
    targets = torch.rand(pictures, classes, generator=generator, dtype=torch.float64)
    weights = 0.1 + torch.rand(classes, generator=generator, dtype=torch.float64)
    return logits, targets / targets.sum(dim=1, keepdim=True), weights


shapes = (st.integers(1, 8), st.integers(2, 12), st.integers(0, 2**32 - 1))


@given(*shapes)
def test_cross_entropy_equals_torch_on_soft_targets(pictures: int, classes: int, seed: int) -> None:
    logits, targets, weights = drawn(pictures, classes, seed)
    torch.testing.assert_close(soft_cross_entropy(logits, targets), F.cross_entropy(logits, targets, reduction="none"))
    torch.testing.assert_close(
        soft_cross_entropy(logits, targets, weights),
        F.cross_entropy(logits, targets, weight=weights, reduction="none"),
    )


@given(*shapes, st.floats(0, 0.9))
def test_smoothed_targets_equal_torchs_label_smoothing(pictures: int, classes: int, seed: int, share: float) -> None:
    logits, _, weights = drawn(pictures, classes, seed)
    labels = torch.randint(classes, (pictures,), generator=torch.Generator().manual_seed(seed))
    smoothed = (1 - share) * F.one_hot(labels, classes) + share / classes
    for given_weights in (None, weights):
        torch.testing.assert_close(
            soft_cross_entropy(logits, smoothed.double(), given_weights),
            F.cross_entropy(logits, labels, weight=given_weights, label_smoothing=share, reduction="none"),
        )


@given(*shapes)
def test_focal_without_gamma_is_cross_entropy_to_the_bit(pictures: int, classes: int, seed: int) -> None:
    logits, targets, weights = drawn(pictures, classes, seed)
    assert torch.equal(focal(logits, targets, 0.0, weights), soft_cross_entropy(logits, targets, weights))


@given(*shapes, st.floats(0.1, 5))
def test_focal_equals_the_formula(pictures: int, classes: int, seed: int, gamma: float) -> None:
    logits, targets, weights = drawn(pictures, classes, seed)
    found = focal(logits, targets, gamma, weights)
    for row in range(pictures):
        exponentials = [math.exp(value) for value in logits[row].tolist()]
        expected = 0.0
        for c in range(classes):
            p = exponentials[c] / sum(exponentials)
            expected -= float(weights[c] * targets[row, c]) * (1 - p) ** gamma * math.log(p)
        assert float(found[row]) == pytest.approx(expected, rel=1e-9)


@given(st.floats(-8, 8), st.floats(0.5, 4))
def test_focal_of_two_classes_is_torchvisions_sigmoid_focal_loss(logit: float, gamma: float) -> None:
    # the softmax of (x, 0) is the sigmoid of x
    expected = sigmoid_focal_loss(torch.tensor([logit]).double(), torch.ones(1).double(), alpha=-1, gamma=gamma)
    pair = torch.tensor([[logit, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(focal(pair, torch.tensor([[1.0, 0.0]]).double(), gamma), expected)


@given(*shapes)
def test_focal_weakens_every_picture_and_more_with_gamma(pictures: int, classes: int, seed: int) -> None:
    logits, targets, _ = drawn(pictures, classes, seed)
    losses = [focal(logits, targets, gamma) for gamma in (0.0, 0.5, 2.0, 5.0)]
    for weaker, stronger in zip(losses[1:], losses, strict=False):
        assert (weaker <= stronger).all()


def test_focal_of_a_certain_picture_keeps_its_digits_and_its_gradient() -> None:
    # 1 - p is 4e-18 here, less than float64 can tell from 1
    logits = torch.tensor([[40.0, 0.0]], dtype=torch.float64, requires_grad=True)
    loss = focal(logits, torch.tensor([[1.0, 0.0]]).double(), 0.5)
    tail = math.exp(-40.0)
    assert float(loss.detach()) == pytest.approx(tail**0.5 * math.log1p(tail), rel=1e-6)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("logit", [0.0, 20.0, 200.0, 1e4])
def test_focal_has_finite_gradients_at_any_certainty(gamma: float, logit: float) -> None:
    logits = torch.tensor([[logit, 0.0, 0.0]], requires_grad=True)
    focal(logits, torch.tensor([[1.0, 0.0, 0.0]]), gamma).sum().backward()
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_gradients_equal_differences(gamma: float) -> None:
    logits, targets, weights = drawn(3, 4)
    assert torch.autograd.gradcheck(lambda x: focal(x, targets, gamma, weights), logits.requires_grad_())


@given(*shapes)
def test_bce_equals_torch(pictures: int, classes: int, seed: int) -> None:
    logits, targets, weights = drawn(pictures, classes, seed)
    for given_weights in (None, weights):
        expected = F.binary_cross_entropy_with_logits(logits, targets, weight=given_weights, reduction="none")
        torch.testing.assert_close(binary_cross_entropy(logits, targets, given_weights), expected.mean(dim=1))


@given(st.sampled_from(["cross_entropy", "bce", "focal"]), st.integers(2, 9), st.integers(1, 9), st.integers(0, 99))
def test_micro_batches_add_up_to_the_batch(name: str, pictures: int, size: int, seed: int) -> None:
    logits, targets, weights = drawn(pictures, 5, seed)
    loss = make_loss(name, focal_gamma=2.0, class_weights=weights)
    parts = [loss(x, t) for x, t in zip(logits.split(size), targets.split(size), strict=True)]
    assert torch.equal(torch.cat(parts), loss(logits, targets))


@given(st.sampled_from(["cross_entropy", "bce", "focal"]), st.integers(0, 99))
def test_losses_are_blind_to_the_order_of_classes(name: str, seed: int) -> None:
    logits, targets, weights = drawn(4, 6, seed)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(seed))
    shuffled = make_loss(name, focal_gamma=1.5, class_weights=weights[order])(logits[:, order], targets[:, order])
    torch.testing.assert_close(shuffled, make_loss(name, focal_gamma=1.5, class_weights=weights)(logits, targets))


def test_make_loss_passes_gamma_and_refuses_unknown_names() -> None:
    logits, targets, _ = drawn(4, 3)
    torch.testing.assert_close(make_loss("focal", focal_gamma=3.0)(logits, targets), focal(logits, targets, 3.0))
    with pytest.raises(RecipeError, match=r"'hinge'.*cross_entropy, bce, focal"):
        make_loss("hinge", focal_gamma=2.0)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=20).filter(any))
def test_balanced_weights_give_every_class_the_same_sum_and_pictures_a_mean_of_one(counts: list[int]) -> None:
    numbers = torch.tensor(counts)
    weights = balanced_class_weights(numbers).double()
    sums = (weights * numbers)[numbers > 0]
    torch.testing.assert_close(sums, sums[0].expand_as(sums), rtol=1e-5, atol=0)
    assert float((weights * numbers).sum() / numbers.sum()) == pytest.approx(1, rel=1e-5)
    assert (weights[numbers == 0] == 0).all()


def test_balanced_weights_equal_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    counts = [5, 1, 14, 30]
    labels = [c for c, count in enumerate(counts) for _ in range(count)]
    expected = compute_class_weight("balanced", classes=np.arange(4), y=labels)
    assert balanced_class_weights(torch.tensor(counts)).tolist() == pytest.approx(expected.tolist())
