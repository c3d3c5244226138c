from __future__ import annotations

import copy
from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

import toprung
from tests.pictures import make_pictures
from toprung.errors import DataError
from toprung.ladder.run import Run
from toprung.training.batchnorm import StatisticsWarmup, has_batch_statistics, recompute_statistics


def test_statistics_are_the_plain_mean_over_the_first_steps() -> None:
    """Whatever the layer held before; for 1 / momentum steps."""
    layer = nn.BatchNorm1d(3, momentum=0.1)
    layer.running_mean.fill_(100.0)
    layer.running_var.fill_(100.0)
    warmup = StatisticsWarmup(layer)
    batches = torch.randn(10, 16, 3, generator=torch.Generator().manual_seed(0)) + 2
    for step, batch in enumerate(batches):
        warmup.set_momentum(step)
        layer(batch)
    assert torch.allclose(layer.running_mean, batches.mean(dim=(0, 1)), atol=1e-5)
    assert torch.allclose(layer.running_var, batches.var(dim=1).mean(dim=0), atol=1e-4)


def test_later_it_is_torchs_own_moving_average() -> None:
    own, theirs = nn.BatchNorm1d(2, momentum=0.25), nn.BatchNorm1d(2, momentum=0.25)
    warmup = StatisticsWarmup(own)
    for step in range(12):
        batch = torch.randn(8, 2, generator=torch.Generator().manual_seed(step))
        if step == 4:
            theirs.load_state_dict(own.state_dict())
        warmup.set_momentum(step)
        own(batch)
        if step >= 4:
            theirs(batch)
    assert own.momentum == 0.25
    assert torch.equal(own.running_mean, theirs.running_mean)


def test_cumulative_and_untracked_layers_stay_as_they_are() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2, momentum=None), nn.BatchNorm1d(2, track_running_stats=False, momentum=0.3))
    StatisticsWarmup(model).set_momentum(0)
    assert model[0].momentum is None
    assert model[1].momentum == 0.3


def test_a_short_run_on_other_pictures_validates_as_it_trains(tmp_path: Path) -> None:
    """Good weights with statistics of quite other pictures: a dozen steps must be enough to forget those.

    Without the warm-up the same run guesses: one of three right.
    """
    pictures = make_pictures(tmp_path / "p", per_class=16)
    settings = {"optimisation.batch_size": 9, "hardware.precision": "fp32", "model.img_size": 40}

    def trained(name: str, weights: str, epochs: int, lr: float) -> Run:
        return toprung.train(
            pictures,
            model="test_efficientnet",
            weights=weights,
            preset="quick",
            settings=settings | {"schedule.epochs": epochs, "optimisation.lr": lr},
            out=tmp_path / name,
            progress=False,
        )

    good = trained("good", "none", epochs=8, lr=3e-3)
    assert good.scores["val"]["accuracy"]["value"] == 1.0
    module = good.classifier.module
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean += 30 * layer.running_var.sqrt()
            layer.running_var *= 100
    torch.save(module.state_dict(), tmp_path / "off.pth")
    again = trained("again", str(tmp_path / "off.pth"), epochs=3, lr=1e-4)
    assert again.scores["val"]["accuracy"]["value"] >= 0.8


def batches(count: int = 3, *, side: int = 32) -> list[Tensor]:
    return list(torch.randn(count, 4, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 + 1)


def test_new_statistics_are_those_of_torchs_update_bn() -> None:
    own = timm.create_model("test_resnet", num_classes=3)
    theirs = copy.deepcopy(own)
    recompute_statistics(own, batches())
    update_bn(batches(), theirs)
    for (name, mine), other in zip(own.state_dict().items(), theirs.state_dict().values(), strict=True):
        assert torch.equal(mine, other), name


def test_they_come_in_closed_form_and_forget_what_was_there() -> None:
    layer = nn.BatchNorm2d(3)
    layer.running_mean.fill_(1e6)
    layer.running_var.fill_(1e6)
    recompute_statistics(layer, batches())
    stacked = torch.stack(batches())  # (batches, B, 3, H, W)
    assert torch.allclose(layer.running_mean, stacked.mean(dim=(0, 1, 3, 4)), atol=1e-5)
    variances = stacked.transpose(1, 2).flatten(2).var(dim=2)  # unbiased, of each batch
    assert torch.allclose(layer.running_var, variances.mean(dim=0), rtol=1e-5)
    assert int(layer.num_batches_tracked) == 3


def test_dropout_and_drop_path_are_off_and_all_modes_and_momenta_come_back() -> None:
    """Statistics are of the network as it answers; torch's update_bn would take them under dropout."""
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(5, momentum=0.3)
    model = nn.Sequential(nn.Dropout(0.9), norm, nn.Linear(5, 2)).train()
    model[2].eval()
    weights = model[2].weight.clone()
    data = torch.randn(8, 5) + 3
    recompute_statistics(model, [data])
    assert torch.allclose(norm.running_mean, data.mean(dim=0), atol=1e-6)
    assert norm.momentum == 0.3
    assert [module.training for module in model] == [True, True, False]
    assert torch.equal(model[2].weight, weights)
    assert model[2].weight.requires_grad


def test_momentum_comes_back_after_a_failure_too() -> None:
    layer = nn.BatchNorm1d(5).eval()
    with pytest.raises(RuntimeError):
        recompute_statistics(layer, [torch.zeros(4, 7)])
    assert layer.momentum == 0.1
    assert not layer.training


def test_a_model_without_batchnorm_sees_no_batch() -> None:
    model = timm.create_model("test_vit")
    assert not has_batch_statistics(model)
    recompute_statistics(model, (pytest.fail("a pass over data is waste here") for _ in range(1)))


def test_only_layers_that_keep_statistics_of_batches_count() -> None:
    assert has_batch_statistics(timm.create_model("test_efficientnet"))
    assert not has_batch_statistics(nn.BatchNorm2d(3, track_running_stats=False))
    assert not has_batch_statistics(nn.InstanceNorm2d(3, track_running_stats=True))
    assert not has_batch_statistics(nn.GroupNorm(1, 3))


def test_without_a_batch_the_statistics_stay_and_it_is_said() -> None:
    layer = nn.BatchNorm1d(2)
    layer.running_mean.fill_(7.0)
    with pytest.raises(DataError, match="no picture"):
        recompute_statistics(layer, [])
    assert layer.running_mean.tolist() == [7.0, 7.0]
