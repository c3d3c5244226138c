from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

import toprung
from tests.pictures import make_pictures
from toprung.ladder.run import Run
from toprung.training.batchnorm import StatisticsWarmup


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
