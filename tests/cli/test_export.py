"""The verbs around an exported model; predicting with one needs no torch."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import toprung as package
from tests.cli.command_line import toprung
from toprung.ladder.run import Run
from toprung.runs.opening import fingerprint

WITHOUT_TORCH = """
import sys
for name in ("torch", "torchvision", "timm", "accelerate"):
    sys.modules[name] = None  # importing it raises ImportError
from toprung.cli.main import main
main()
"""
UNTOUCHED = """
import sys
from toprung.cli.main import main
try:
    main()
finally:
    assert not {"torch", "torchvision", "timm", "accelerate"} & set(sys.modules)
"""


@pytest.fixture(scope="module")
def model(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "small.onnx"
    done = toprung("export", run.path, "--out", out)
    assert done.code == 0, done
    assert "as the run, by " in done.out
    assert "pictures (val): same first class for" in done.out
    assert sorted(one.name for one in out.parent.iterdir()) == ["small.onnx", "small.onnx.json"]
    return out


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of every way to the input: JPEG decoded at a fraction, large PNG, alpha, grey, and a damaged file."""
    folder = tmp_path_factory.mktemp("photos")
    draw = np.random.default_rng(0)
    for number in range(4):
        blots = Image.fromarray(draw.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((900, 500 + number))
        blots.save(folder / f"{number}.jpg")
        blots.resize((311, 97 + number)).save(folder / f"{number}.png")
    blots.convert("RGBA").save(folder / "alpha.png")
    blots.convert("L").save(folder / "grey.png")
    (folder / "cut.jpg").write_bytes((folder / "0.jpg").read_bytes()[:300])
    return folder


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def alone(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("code", [WITHOUT_TORCH, UNTOUCHED], ids=["torch missing", "torch untouched"])
def test_predicting_gives_the_runs_answers_without_torch(
    code: str, run: Run, model: Path, photos: Path, tmp_path: Path
) -> None:
    assert toprung("predict", run.path, photos, "-o", tmp_path / "run.csv").code == 1
    done = alone(code, "predict", model, photos, "-o", tmp_path / "onnx.csv")
    assert done.returncode == 1, done.stderr
    assert "1 of 11 pictures could not be read" in done.stderr
    theirs, ours = rows(tmp_path / "run.csv"), rows(tmp_path / "onnx.csv")
    assert len(ours) == 11
    for one, other in zip(theirs, ours, strict=True):
        assert list(one) == list(other)
        for column, value in one.items():
            if column.startswith("probability") and value:
                assert float(other[column]) == pytest.approx(float(value), abs=2e-6)
            else:
                assert other[column] == value


def test_validating_gives_the_runs_scores_without_torch(run: Run, model: Path, pictures: Path) -> None:
    done = alone(WITHOUT_TORCH, "validate", model, pictures, "--json")
    assert done.returncode == 0, done.stderr
    ours, theirs = json.loads(done.stdout), run.validate(pictures)
    assert ours["confusion"] == theirs["confusion"]
    assert ours["log_loss"]["value"] == pytest.approx(theirs["log_loss"]["value"], abs=1e-5)


def test_the_model_is_loaded_like_a_run(run: Run, model: Path, photos: Path) -> None:
    loaded = package.load(model)
    assert loaded.classes == run.classes
    files = sorted(photos.glob("*.png"))
    np.testing.assert_allclose(loaded.logits(files), run.classifier.logits(files), rtol=1e-4, atol=1e-5)
    pixels = np.asarray(Image.open(files[0]).convert("RGB"))
    assert loaded.predict(pixels).name == run.predict(pixels).name
    assert [one.name for one in loaded.predict(files[:2])] == [one.name for one in run.predict(files[:2])]
    with pytest.raises(package.ToprungError, match="cut off or damaged"):
        loaded.predict(photos / "cut.jpg")


def test_the_python_of_the_docs_works(model: Path, photos: Path, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
    code = page.partition("```python\n")[2].partition("```")[0]
    shutil.copy(model, tmp_path / "shoes.onnx")
    for number in range(4):
        shutil.copy(photos / f"{number}.jpg", tmp_path / "photo.jpg")
        call = [sys.executable, "-c", code]
        done = subprocess.run(call, capture_output=True, text=True, check=True, cwd=tmp_path)
        assert done.stdout.strip() == package.load(model).predict(photos / f"{number}.jpg").name


def test_views_look_through_an_exported_model_too(run: Run, model: Path, photos: Path, tmp_path: Path) -> None:
    file = photos / "1.jpg"
    toprung("predict", run.path, file, "--views", "flip", "-o", tmp_path / "run.csv")
    done = alone(WITHOUT_TORCH, "predict", model, file, "--views", "flip", "-o", tmp_path / "onnx.csv")
    assert done.returncode == 0, done.stderr
    one, other = rows(tmp_path / "run.csv")[0], rows(tmp_path / "onnx.csv")[0]
    assert other["label"] == one["label"]
    assert float(other["probability"]) == pytest.approx(float(one["probability"]), abs=2e-6)


def test_an_interrupted_call_goes_on_with_the_same_model_only(model: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.csv"
    assert toprung("predict", model, photos, "-o", out).code == 1
    whole = out.read_text(encoding="utf-8")
    lines = whole.splitlines(keepends=True)
    out.unlink()
    partial = tmp_path / "o.csv.partial"
    partial.write_text("".join(lines[:4]) + lines[4][:9], encoding="utf-8")
    other = tmp_path / "other.onnx"
    shutil.copy(model, other)
    with other.open("ab") as file:
        file.write(b"\x72\x00")  # an empty field of the message: another file, the same model
    (tmp_path / "o.csv.partial.json").write_text("{}", encoding="utf-8")
    assert "begun with another model" in toprung("predict", model, photos, "-o", out).err
    assert fingerprint(model) != fingerprint(other)
    note = {"columns": lines[0], "model": fingerprint(model), "top": 3}
    (tmp_path / "o.csv.partial.json").write_text(json.dumps(note, sort_keys=True), encoding="utf-8")
    assert "begun with another model" in toprung("predict", other, photos, "-o", out).err
    done = toprung("predict", model, photos, "-o", out)
    assert "3 of them before the interruption" in done.out
    assert out.read_text(encoding="utf-8") == whole


def test_mistakes_are_told_in_a_sentence(run: Run, model: Path, photos: Path, tmp_path: Path) -> None:
    no_runtime = "import sys; sys.modules['onnxruntime'] = None\nfrom toprung.cli.main import main; main()"
    done = alone(no_runtime, "predict", model, photos)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install 'toprung[export]'" in done.stderr
    assert "there is no file" in toprung("predict", tmp_path / "gone.onnx", photos).err
    (tmp_path / "bad.onnx").write_bytes(b"not a model")
    assert "is no ONNX model that can be run here" in toprung("predict", tmp_path / "bad.onnx", photos).err
    assert "holds no pictures of its own; give PICTURES" in toprung("validate", model).err
    assert "the device 'mps' cannot be used" in toprung("predict", model, photos, "--device", "mps").err
    again = toprung("export", run.path, "--out", model)
    assert again.code == 2
    assert "is never overwritten" in again.err


def test_a_model_from_elsewhere_or_from_the_future_is_refused(model: Path, photos: Path, tmp_path: Path) -> None:
    import onnx

    def changed(name: str, text: str | None) -> Path:
        content = onnx.load(model)
        del content.metadata_props[:]
        if text is not None:
            onnx.helper.set_model_props(content, {"toprung": text})
        onnx.save(content, tmp_path / name)
        return tmp_path / name

    assert "was not written by `toprung export`" in toprung("predict", changed("a.onnx", None), photos).err
    newer = toprung("predict", changed("b.onnx", json.dumps({"format": 2})), photos)
    assert "written by a newer toprung (export format 2" in newer.err
    assert "cannot be used" in toprung("predict", changed("c.onnx", "[]"), photos).err
