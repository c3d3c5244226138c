"""Exported models against their runs, in each format's own runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from tests.ladder.export.make_model import CLASSES, make_model
from tests.runs.make_classifier import make_files
from toprung.data.table import Table
from toprung.data.table_csv import write_table_csv
from toprung.errors import ModelError, RecipeError, RunError
from toprung.ladder.export.export import Export, export_run
from toprung.ladder.export.formats import Choices, format_file, format_names
from toprung.ladder.export.network import ExportNetwork
from toprung.ladder.export.parity import compare
from toprung.ladder.export.pictures import _spread, parity_pictures
from toprung.runs.exported.onnx_session import OnnxSession
from toprung.runs.folder import RunFolder
from toprung.runs.opening import fingerprint

HEADS = {
    "elm": {"head": {"kind": "elm", "features": 96, "hidden": 16}},
    "knn": {"head": {"kind": "knn", "samples": 20, "features": 96, "k": 5, "temperature": 0.07}},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("runs") / "small", crop_mode="border", mean=(0.1, 0.2, 0.3))


@pytest.fixture(scope="module")
def exported(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Export:
    return export_run(run, out=tmp_path_factory.mktemp("out") / "small.onnx")


def by_hand(run: Path, images: np.ndarray) -> np.ndarray:
    """The logits, from the formula of normalisation."""
    from toprung.runs.model import load_model

    model, card = load_model(run / "model")
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (card.preprocessing.mean, card.preprocessing.std))
    with torch.no_grad():
        return model((torch.from_numpy(images) / 255 - mean) / std).numpy()


@pytest.mark.parametrize("count", [1, 2, 7])
def test_onnx_runtime_gives_the_runs_logits_for_any_number_of_pictures(run: Path, exported: Export, count: int) -> None:
    images = np.random.default_rng(count).integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)
    session = onnxruntime.InferenceSession(exported.file)
    found = session.run(["logits"], {"pictures": images})[0]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, by_hand(run, images), rtol=1e-4, atol=1e-4)


def test_the_file_is_valid_onnx_and_says_how_to_feed_it(exported: Export) -> None:
    model = onnx.load(exported.file)
    onnx.checker.check_model(model, full_check=True)
    assert [one.version for one in model.opset_import if one.domain == ""] == [18]
    inside = json.loads({one.key: one.value for one in model.metadata_props}["toprung"])
    beside = json.loads(exported.description.read_text(encoding="utf-8"))
    assert beside.pop("parity")["same_top1"] == 64
    assert beside.pop("format_of_file") == "onnx"
    assert inside == beside
    assert inside["classes"] == list(CLASSES)
    assert (inside["name"], inside["data_hash"]) == ("small", "0123")
    assert inside["input"]["shape"] == ["batch", 3, 32, 32]
    assert inside["inside_the_model"]["subtract"] == [0.1, 0.2, 0.3]
    decode, resize, crop = inside["before_the_model"]
    assert (decode["step"], resize["step"], crop["step"]) == ("decode", "resize", "crop")
    assert (resize["height"], resize["width"], resize["interpolation"]) == (36, 36, "bicubic")  # 32 / 0.875
    assert crop["fill"] == [26, 51, 76]
    given, answer = model.graph.input[0], model.graph.output[0]
    assert given.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert given.type.tensor_type.shape.dim[0].dim_param
    assert answer.type.tensor_type.shape.dim[1].dim_value == len(CLASSES)


@pytest.mark.parametrize(
    ("name", "side", "arguments"),
    [
        ("test_vit", 48, {"img_size": 48}),  # built for another size: position embeddings are interpolated
        ("test_convnext", 32, {}),
        ("test_efficientnet", 32, {}),
        ("test_resnet", 32, HEADS["elm"]),
        ("test_resnet", 32, HEADS["knn"]),
        ("test_resnet", 48, {"resizer": {"out": [32, 32], "channels": 4, "blocks": 1}}),
    ],
    ids=["vit", "convnext", "efficientnet", "elm", "knn", "resizer"],
)
def test_families_heads_and_the_resizer_can_be_exported(
    name: str, side: int, arguments: dict[str, Any], tmp_path: Path
) -> None:
    run = make_model(tmp_path / "run", name, side=side, arguments=arguments)
    for kind in ("onnx", "torchscript"):
        done = export_run(run, kind=kind, out=tmp_path / f"m{format_file(kind).SUFFIX}")
        assert done.parity.holds
        assert done.parity.pictures == done.parity.same_top1 == 64


@pytest.mark.parametrize("kind", format_names())
def test_every_format_answers_as_the_run_also_with_16_bits(kind: str, run: Path, tmp_path: Path) -> None:
    form = format_file(kind)
    whole = export_run(run, kind=kind, out=tmp_path / f"whole{form.SUFFIX}")
    half = export_run(run, kind=kind, out=tmp_path / f"half{form.SUFFIX}", choices=Choices(half=True))
    images = np.random.default_rng(1).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
    expected = by_hand(run, images)
    np.testing.assert_allclose(form.opened(whole.file)(images), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(form.opened(half.file)(images), expected, rtol=0.05, atol=0.05 * np.abs(expected).max())
    size = {stem: sum(f.stat().st_size for f in tmp_path.glob(f"{stem}*")) for stem in ("whole", "half")}
    assert size["half"] < 0.75 * size["whole"]
    assert not list(tmp_path.glob(".*"))


def test_a_torchscript_file_holds_the_description(run: Path, tmp_path: Path) -> None:
    done = export_run(run, kind="torchscript", out=tmp_path / "m.torchscript")
    extra = {"toprung.json": ""}
    torch.jit.load(str(done.file), _extra_files=extra)
    assert json.loads(extra["toprung.json"])["classes"] == list(CLASSES)


def test_a_model_that_answers_differently_is_refused_with_the_numbers(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = ExportNetwork.__init__

    def perturbed(self: ExportNetwork, model: nn.Module, *rest: Any) -> None:
        plain(self, model, *rest)
        with torch.no_grad():
            model.get_classifier().bias[0] += 0.5

    monkeypatch.setattr(ExportNetwork, "__init__", perturbed)
    with pytest.raises(ModelError, match=r"does not answer as .* 64 pictures \(drawn\): .* logit 0\.5, of a prob"):
        export_run(run, kind="torchscript", out=tmp_path / "m.torchscript")
    assert not list(tmp_path.iterdir())


def test_an_export_that_cannot_be_run_leaves_nothing(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = format_file("torchscript")
    monkeypatch.setattr(form, "opened", lambda file: lambda images: 1 / 0)
    with pytest.raises(ModelError, match="cannot be run, so nothing was written: division by zero"):
        export_run(run, kind="torchscript", out=tmp_path / "m.torchscript")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("taken", ["m.onnx", "m.onnx.json"])
def test_nothing_is_overwritten(run: Path, tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match=f"{taken} exists already"):
        export_run(run, out=tmp_path / "m.onnx")
    assert [one.name for one in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_text(encoding="utf-8") == "mine"


def test_wrong_wishes_are_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"no format 'onx'; there are onnx, .* Did you mean onnx"):
        export_run(run, kind="onx")
    with pytest.raises(RecipeError, match="opset 9 is not possible for onnx: 18 … 23 can be written"):
        export_run(run, choices=Choices(opset=9))
    with pytest.raises(RecipeError, match="opset 18 is not possible for torchscript: it has none"):
        export_run(run, kind="torchscript", choices=Choices(opset=18))
    with pytest.raises(RunError, match=r"m\.bin must end in \.onnx"):
        export_run(run, out=tmp_path / "m.bin")


def test_the_opset_is_the_one_asked_for(run: Path, tmp_path: Path) -> None:
    done = export_run(run, out=tmp_path / "m.onnx", choices=Choices(opset=20))
    assert onnx.load(done.file).opset_import[0].version == 20


def test_weights_too_large_for_one_message_stand_beside_the_model(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toprung.ladder.export.formats.onnx._LARGEST", 0)
    done = export_run(run, out=tmp_path / "m.onnx")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["m.onnx", "m.onnx.data", "m.onnx.json"]
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)
    np.testing.assert_allclose(OnnxSession(done.file)(images), by_hand(run, images), rtol=1e-4, atol=1e-4)
    before = fingerprint(done.file)
    data = tmp_path / "m.onnx.data"
    data.write_bytes(data.read_bytes() + b"x")
    assert fingerprint(done.file) != before


def test_the_runs_own_val_pictures_are_asked_about_and_damaged_ones_left_out(tmp_path: Path) -> None:
    run = make_model(tmp_path / "run")
    files = make_files(tmp_path, 5)
    files[1].write_bytes(b"")
    table = Table(tuple(files), np.zeros(5, np.int64), ("a",), ("val",) * 4 + ("train",))
    write_table_csv(RunFolder(run).table_file, table, tmp_path)
    found = parity_pictures(run)
    assert found.origin == "val"
    assert found.sources == [files[0], files[2], files[3]]
    assert len(_spread(files * 40)) == 64
    assert parity_pictures(run / "model").origin == "drawn"


def test_parity_counts_and_measures() -> None:
    expected = np.array([[2, 0], [0, 3]], dtype=np.float32)
    found = np.array([[2, 0], [4, 3]], dtype=np.float32)
    parity = compare(expected, found, source="val", allowed=1.0)
    assert (parity.pictures, parity.same_top1, parity.logits, parity.largest_logit) == (2, 1, 4, 3)
    assert parity.probabilities == pytest.approx(1 / (1 + np.exp(-1)) - 1 / (1 + np.exp(3)))
    assert not parity.holds
    assert compare(expected, expected, source="val", allowed=0.0).holds
    assert not compare(expected, np.full_like(expected, np.nan), source="val", allowed=1e9).holds
