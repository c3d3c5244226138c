"""What the loop does when memory runs out or the loss goes astray."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from toprung.errors import ToprungError, TrainingDiverged
from toprung.training.hardware import HardwarePlan
from toprung.training.loop import Trainer
from toprung.training.losses import classification, make_loss
from toprung.training.parts import Validation, place_stages
from toprung.training.processes import make_accelerator
from toprung.training.recipe import Recipe
from toprung.training.schedules import make_schedule


@dataclass
class _Batch:
    images: Tensor
    labels: Tensor


class _Batches:
    """The same twelve points in batches of six."""

    batches_per_epoch = 2

    def __init__(self) -> None:
        draw = torch.Generator().manual_seed(0)
        self.inputs = torch.randn(12, 4, generator=draw)
        self.labels = (self.inputs.sum(1) > 0).long()

    def epoch(self, epoch: int, start_batch: int = 0) -> Iterator[_Batch]:
        for batch in range(start_batch, 2):
            rows = slice(6 * batch, 6 * batch + 6)
            yield _Batch(self.inputs[rows], self.labels[rows])


class _Notes:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def on_step(self, event: object) -> None: ...

    def on_epoch(self, event: object) -> None: ...

    def on_note(self, text: str) -> None:
        self.notes.append(text)


class _SmallMemory(nn.Linear):
    """Runs out of memory for more than ``most`` rows."""

    most = 1_000_000

    def forward(self, inputs: Tensor) -> Tensor:
        if len(inputs) > self.most:
            raise torch.OutOfMemoryError("out of memory")
        return super().forward(inputs)


def _model(most: int = 1_000_000) -> _SmallMemory:
    torch.manual_seed(3)
    model = _SmallMemory(4, 2)
    model.most = most
    return model


def _fit(model: nn.Module, folder: Path, lr: float = 0.1, poison: int | None = None) -> tuple[Trainer, _Notes]:
    recipe = Recipe().with_settings({"schedule.epochs": 4, "schedule.warmup_epochs": 0, "optimisation.clip_grad": 0})
    plan = HardwarePlan("cpu", "fp32", False, ())
    (stage,) = place_stages([recipe], [_Batches()])
    seen = [0]

    def prepare(batch: _Batch, step: int) -> tuple[Tensor, Tensor]:
        seen[0] += 1
        inputs = batch.images * float("nan") if step == poison else batch.images
        return inputs, nn.functional.one_hot(batch.labels, 2).float()

    trainer = Trainer(
        model,
        stage=stage,
        plan=plan,
        accelerator=make_accelerator(plan, "", folder),
        optimizer=torch.optim.SGD(model.parameters(), lr=lr),
        schedule=make_schedule(recipe, stage.span),
        objective=classification(make_loss("cross_entropy", focal_gamma=0)),
        prepare=prepare,  # type: ignore[arg-type]
        validate=lambda model: Validation(0.5, 1.0),
        last_file=folder / "last.pt",
        best_file=folder / "best.safetensors",
    )
    notes = _Notes()
    trainer.fit(notes)
    return trainer, notes


def test_out_of_memory_halves_the_batch_and_keeps_the_result(tmp_path: Path) -> None:
    plain, small = _model(), _model(most=2)
    _fit(plain, tmp_path / "plain")
    trainer, notes = _fit(small, tmp_path / "small")
    assert torch.allclose(plain.weight, small.weight, atol=1e-6)  # six rows at once, or in three twos
    assert trainer.progress.micro_batch == 2
    assert [note.split(";")[-1].strip() for note in notes.notes] == ["the effective batch stays 6"] * 2
    assert notes.notes[0].startswith("out of memory: 6 → 3 pictures per forward pass, 2 passes per step")


def test_a_picture_that_fits_no_memory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToprungError, match="memory runs out with a single picture"):
        _fit(_model(most=0), tmp_path)


def test_a_nan_stops_before_it_reaches_weights_or_checkpoint(tmp_path: Path) -> None:
    model = _model()
    with pytest.raises(TrainingDiverged, match=r"NaN at step 5.*learning rate"):
        _fit(model, tmp_path, poison=5)
    assert torch.isfinite(model.weight).all()
    kept = torch.load(tmp_path / "last.pt", weights_only=True)
    assert kept["progress"]["step"] == 4  # the end of the second epoch
    assert torch.isfinite(kept["model"]["weight"]).all()
