"""A fused run, exported as a whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import toprung
from tests.cli.command_line import toprung as command
from tests.pictures import make_pictures
from toprung.errors import ModelError, RecipeError, RunError
from toprung.evaluation.fusion.fused import Fusion
from toprung.ladder.export.export import export_run
from toprung.ladder.run import Run
from toprung.runs.fusion_card import read_fusion_card

WITHOUT_TORCH = """
import sys
for name in ("torch", "torchvision", "timm", "accelerate"):
    sys.modules[name] = None
from toprung.cli.main import main
main()
"""


@pytest.fixture(scope="module")
def fused(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two networks of different input sizes."""
    pictures = make_pictures(tmp_path_factory.mktemp("pictures"), per_class=16)
    folder = tmp_path_factory.mktemp("runs")
    for name, size in (("net", 32), ("other", 48)):
        settings = {
            "data.test_fraction": 0.2,
            "hardware.precision": "fp32",
            "model.img_size": size,
            "model.name": "test_resnet",
            "model.weights": "none",
            "schedule.epochs": 1,
        }
        toprung.train(pictures, preset="quick", settings=settings, out=folder / name, progress=False)
    return toprung.fuse([folder / "net", folder / "other"], out=folder / "fused", progress=False)


@pytest.fixture(scope="module")
def exported(fused: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "all-onnx"
    done = command("export", fused.path, "--out", out)
    assert done.code == 0, done
    assert "pictures (val): same first class for" in done.out
    return out


def test_the_folder_holds_every_member_and_stands_by_itself(fused: Run, exported: Path) -> None:
    names = [one.name for one in sorted(exported.iterdir())]
    members = [member.path for member in read_fusion_card(exported).members]
    assert len(members) == len(read_fusion_card(fused.path / "model").members)
    assert names == sorted(["fusion.json", *members, *(f"{one}.json" for one in members)])
    moved = exported.with_name("moved")
    exported.rename(moved)
    try:
        stored = fused.predictions("test")
        found = toprung.load(moved).logits(list(stored.paths), batch_size=5)
    finally:
        moved.rename(exported)
    np.testing.assert_allclose(found, stored.logits, atol=1e-4)


def test_it_predicts_without_torch(fused: Run, exported: Path, tmp_path: Path) -> None:
    pictures = [str(path) for path in fused.predictions("val").paths]
    call = [sys.executable, "-c", WITHOUT_TORCH, "predict", str(exported), *pictures, "-o", str(tmp_path / "o.csv")]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    command("predict", fused.path, *pictures, "-o", tmp_path / "run.csv")
    ours, theirs = ((tmp_path / name).read_text(encoding="utf-8").splitlines() for name in ("o.csv", "run.csv"))
    assert [line.split(",")[:2] for line in ours] == [line.split(",")[:2] for line in theirs]


def test_a_fused_answer_that_differs_is_refused(fused: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, calls = Fusion.combine, []

    def perturbed(self: Fusion, logits: list[np.ndarray]) -> np.ndarray:
        calls.append(len(logits[0]))
        return plain(self, logits) + (0 if len(calls) == 1 else np.float32(0.4) * np.eye(3, dtype=np.float32)[0])

    monkeypatch.setattr(Fusion, "combine", perturbed)
    with pytest.raises(ModelError, match=r"does not answer as .*fused does.* logit 0\.4"):
        export_run(fused.path, out=tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_a_member_that_was_changed_is_noticed(exported: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for one in exported.iterdir():
        (copy / one.name).write_bytes(one.read_bytes())
    member = copy / read_fusion_card(copy).members[0].path
    member.write_bytes(member.read_bytes() + b"\x72\x00")
    with pytest.raises(RunError, match="was changed since they were fused"):
        toprung.load(copy)


def test_other_formats_and_taken_places_are_refused(fused: Run, exported: Path) -> None:
    with pytest.raises(RecipeError, match="exported as onnx, not as torchscript"):
        export_run(fused.path, kind="torchscript")
    with pytest.raises(RunError, match="all-onnx exists already"):
        export_run(fused.path, out=exported)
