import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from toprung.training.averaging import EpochMean, WeightAverage


def disturb(model: nn.Module, seed: int) -> None:
    """Change every parameter, buffer and counter, as a training step does."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.randn(tensor.shape, generator=generator))
            elif tensor.dtype != torch.bool:
                tensor.add_(1)


class _Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
        self.register_buffer("flag", torch.tensor(True))
        self.register_buffer("places", torch.arange(3))


def test_equals_torchs_ema_once_warmed_up() -> None:
    model = timm.create_model("test_resnet", num_classes=3)
    decay = 0.9
    ours = WeightAverage(model, decay)
    ours.updates = 1000  # (1 + 1000) / (10 + 1000) is above 0.9: the warm-up is over
    theirs = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
    theirs.n_averaged.fill_(1)  # torch copies at its first update
    for seed in range(5):
        disturb(model, seed)
        ours.update(model)
        theirs.update_parameters(model)
    expected = theirs.module.state_dict()
    for name, tensor in ours.module.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, expected[name], msg=name)
        else:
            assert torch.equal(tensor, model.state_dict()[name]), name


@settings(deadline=None)
@given(st.floats(0.01, 0.9999), st.integers(1, 30))
def test_warm_up_in_closed_form(decay: float, steps: int) -> None:
    # The average is Σ_i (1 - d_i) Π_{j>i} d_j · w_i; with d_t = (1 + t) / (10 + t) and below `decay`
    model = nn.Linear(1, 1, bias=False).double()
    nn.init.constant_(model.weight, 1.0)
    average = WeightAverage(model, decay)
    expected = 1.0
    for t in range(steps):
        nn.init.constant_(model.weight, float(t * t))
        average.update(model)
        d = min(decay, (1 + t) / (10 + t))
        expected = d * expected + (1 - d) * t * t
    assert float(average.module.weight) == pytest.approx(expected)
    assert average.updates == steps


def test_the_first_step_counts_nine_tenths() -> None:
    model = nn.Linear(2, 2, bias=False)
    nn.init.zeros_(model.weight)
    average = WeightAverage(model, 0.999)
    nn.init.ones_(model.weight)
    average.update(model)
    torch.testing.assert_close(average.module.weight, torch.full((2, 2), 0.9))


def test_the_average_of_equal_weights_is_those_weights() -> None:
    model = timm.create_model("test_vit", num_classes=3)
    average = WeightAverage(model, 0.99)
    for _ in range(5):
        average.update(model)
    for mine, theirs in zip(average.module.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_integer_and_boolean_buffers_are_copied() -> None:
    model = _Small()
    average = WeightAverage(model, 0.5)
    model.flag.fill_(False)
    model.places.mul_(7)
    model.body[1].num_batches_tracked.fill_(12)
    average.update(model)
    assert not average.module.flag
    assert average.module.places.tolist() == [0, 7, 14]
    assert average.module.body[1].num_batches_tracked == 12


def test_is_separate_from_the_model_and_never_trains() -> None:
    model = _Small().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    average = WeightAverage(model, 0.9)
    assert model.training
    assert all(not module.training for module in average.module.modules())
    assert not any(parameter.requires_grad for parameter in average.module.parameters())
    disturb(model, 3)
    for name, tensor in average.module.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_tables_that_layers_keep_in_eval_mode_follow_the_average() -> None:
    model = timm.create_model("levit_128s", num_classes=3)
    average = WeightAverage(model, 0.5)
    images = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        average.module(images)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    average.update(model)
    fresh = timm.create_model("levit_128s", num_classes=3).eval()
    fresh.load_state_dict(average.module.state_dict())
    with torch.inference_mode():
        torch.testing.assert_close(average.module(images), fresh(images))


def test_another_architecture_is_refused() -> None:
    average = WeightAverage(_Small(), 0.9)
    with pytest.raises(ValueError, match="zip"):
        average.update(nn.Linear(3, 4))


def test_the_mean_of_epoch_ends_is_the_mean_of_known_weights() -> None:
    model = timm.create_model("test_resnet", num_classes=3)
    mean = EpochMean(model)
    taken = []
    for seed in range(4):
        disturb(model, seed)
        mean.update(model)
        taken.append({name: tensor.double() for name, tensor in model.named_parameters()})
    assert mean.epochs == 4
    for name, tensor in mean.module.named_parameters():
        expected = torch.stack([one[name] for one in taken]).mean(dim=0)
        torch.testing.assert_close(tensor.double(), expected, rtol=1e-6, atol=1e-6, msg=name)


def test_the_mean_of_epoch_ends_goes_on_from_a_saved_state() -> None:
    model = timm.create_model("test_resnet", num_classes=3)
    whole, first = EpochMean(model), EpochMean(model)
    for seed in range(3):
        disturb(model, seed)
        whole.update(model)
        first.update(model)
    second = EpochMean(timm.create_model("test_resnet", num_classes=3))
    second.restore(first.state())
    disturb(model, 9)
    whole.update(model)
    second.update(model)
    assert second.epochs == 4
    for one, other in zip(whole.module.parameters(), second.module.parameters(), strict=True):
        assert torch.equal(one, other)
