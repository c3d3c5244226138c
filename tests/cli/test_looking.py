"""`--views` and `--tiles` of predict and validate."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.command_line import toprung
from tests.pictures import make_pictures
from toprung.evaluation.predictions import Predictions
from toprung.evaluation.significance import mcnemar
from toprung.evaluation.tiling import Tiling
from toprung.ladder.run import Run


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def _contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_views_give_what_the_python_api_gives(run: Run, pictures: Path, tmp_path: Path) -> None:
    done = toprung("predict", run.path, pictures, "-o", tmp_path / "o.csv", "--views", "flip, five-crop")
    assert done.code == 0, done
    files = sorted(pictures.rglob("*.png"))
    answers = run.predict(files, views=("flip", "five-crop"))
    for line, answer in zip(rows(tmp_path / "o.csv"), answers, strict=True):
        assert (line["label"], float(line["probability"])) == (answer.name, pytest.approx(answer.probability, abs=2e-6))
    plain = run.predict(files)
    assert max(abs(a.probability - b.probability) for a, b in zip(answers, plain, strict=True)) > 1e-4


def test_tiles_and_heat_maps(run: Run, pictures: Path, tmp_path: Path) -> None:
    arguments = ("--tiles", 20, "--overlap", 0.5, "--merge", "max", "--importance", "gaussian", "--with-whole")
    out, maps = tmp_path / "o.csv", tmp_path / "maps"
    done = toprung("predict", run.path, pictures / "red", "-o", out, *arguments, "--heat-map", maps)
    assert done.code == 0, done
    files = sorted((pictures / "red").glob("*.png"))
    tiling = Tiling(20, overlap=0.5, merge="max", importance="gaussian", with_whole=True)
    for line, answer in zip(rows(out), run.predict(files, tiles=tiling), strict=True):
        assert float(line["probability"]) == pytest.approx(answer.probability, abs=2e-6)
    assert len(list(maps.iterdir())) == len(files)
    again = toprung("predict", run.path, pictures / "red", "-o", tmp_path / "p.csv", *arguments, "--heat-map", maps)
    assert again.code == 2
    assert "choose another --heat-map" in again.err


def test_an_interrupted_call_goes_on_with_the_same_settings_alone(run: Run, pictures: Path, tmp_path: Path) -> None:
    arguments = (pictures, "--views", "flip", "--tiles", "20", "--heat-map", tmp_path / "maps")
    whole, out = tmp_path / "whole.csv", tmp_path / "out.csv"
    assert toprung("predict", run.path, *arguments, "-o", whole).code == 0

    from toprung.ladder import heat_maps

    class Stop(BaseException):
        pass

    class Interrupted(heat_maps.HeatMaps):
        made = 0

        def __call__(self, answer: object) -> None:
            type(self).made += 1
            if self.made > 30:
                raise Stop
            super().__call__(answer)  # type: ignore[arg-type]

    arguments = (*arguments[:-1], tmp_path / "others")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heat_maps, "HeatMaps", Interrupted)
        patch.setattr("toprung.runs.tiled._PICTURES_TOGETHER", 8)
        with pytest.raises(Stop):
            toprung("predict", run.path, *arguments, "-o", out)
    assert not out.exists()
    for other in (("--views", "ten-crop", "--tiles", "20"), ("--views", "flip", "--tiles", "21"), ()):
        refused = toprung("predict", run.path, pictures, *other, "-o", out)
        assert refused.code == 2
        assert "other settings" in refused.err
    done = toprung("predict", run.path, *arguments, "-o", out)
    assert done.code == 0, done
    assert "before the interruption" in done.out
    assert out.read_bytes() == whole.read_bytes()
    made, expected = (
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("others", "maps")
    )
    assert made == expected


def test_tiles_without_a_number_are_half_the_shorter_side(run: Run, pictures: Path) -> None:
    file = pictures / "red" / "0.png"
    given = toprung("predict", run.path, file, "--tiles", 20)
    assert given.code == 0
    assert toprung("predict", run.path, file, "--tiles").out == given.out  # pictures of 40 x 40


def test_unreadable_pictures_with_tiles(run: Run, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes((pictures / "red" / "0.png").read_bytes()[:60])
    Image.fromarray(np.full((50, 50, 3), 90, np.uint8)).save(tmp_path / "b.png")
    done = toprung("predict", run.path, tmp_path, "--tiles")
    assert done.code == 1
    bad, good = csv.DictReader(done.out.splitlines())
    assert "cut off" in bad["error"]
    assert good["label"]


@pytest.mark.parametrize("options", [("--views", "flip"), ("--tiles", "20")])
def test_validate_tells_the_gain_over_plain_prediction(options: tuple[str, str], run: Run, tmp_path: Path) -> None:
    done = toprung("validate", run.path, *options, "--json", "--save", tmp_path / "kept")
    assert done.code == 0, done
    scores = json.loads(done.out)
    kept = Predictions.read(tmp_path / "kept" / "predictions.npz")
    outcome = mcnemar(kept, run.predictions("val"))
    gain = scores["gain"]
    assert (gain["gained"], gain["lost"]) == (outcome.first_only, outcome.second_only)
    assert gain["p_value"] == outcome.p_value
    assert gain["accuracy"] == pytest.approx(scores["accuracy"]["value"])
    assert gain["plain"] == pytest.approx(run.scores["val"]["accuracy"]["value"])
    assert set(scores["looking"]) == {options[0][2:]}
    told = toprung("validate", run.path, *options).out
    assert f"{gain['gained']} pictures gained, {gain['lost']} lost" in told
    views = ("flip",) if options[0] == "--views" else ()
    tiles = Tiling(20) if options[0] == "--tiles" else None
    assert run.validate(views=views, tiles=tiles)["gain"] == gain


def test_validate_with_views_on_other_pictures(run: Run, tmp_path: Path) -> None:
    other = make_pictures(tmp_path / "other", per_class=4, seed=5)
    done = toprung("validate", run.path, other, "--views", "flip", "--json")
    assert done.code == 0, done
    scores = json.loads(done.out)
    assert scores["pictures"] == 12
    assert "gain" not in scores
    assert run.validate(other, views=("flip",))["accuracy"] == scores["accuracy"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--views", "flips"), "Did you mean flip"),
        (("--merge", "max"), "--merge needs --tiles"),
        (("--with-whole",), "--with-whole needs --tiles"),
        (("--tiles", "4"), "at least 8 pixels"),
        (("--tiles", "30", "--overlap", "1"), "between 0 and 0.9"),
        (("--tiles", "photos"), "put --tiles at the end"),
    ],
)
@pytest.mark.parametrize("verb", ["predict", "validate"])
def test_mistakes_get_one_sentence(verb: str, options: tuple[str, ...], said: str, run: Run, pictures: Path) -> None:
    done = toprung(verb, run.path, *([pictures] if verb == "predict" else []), *options)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_heat_map_needs_tiles(run: Run, pictures: Path, tmp_path: Path) -> None:
    done = toprung("predict", run.path, pictures, "--heat-map", tmp_path / "maps")
    assert done.code == 2
    assert "--heat-map needs --tiles" in done.err


def test_validate_needs_the_stored_predictions(run: Run) -> None:
    done = toprung("validate", run.path, "--views", "flip", "--split", "test")
    assert done.code == 2
    assert "holds no scores for test" in done.err
