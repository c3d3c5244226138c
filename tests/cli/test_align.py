import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.cutting.align.scenes import MATRIX, PLACES, on_photo, write_scene
from toprung.cli.align import command
from toprung.cutting.align.points import PointPairs, points_text
from toprung.errors import CutoutError, UnreadableImage


def call(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    points = tmp_path / "points.csv"
    points.write_text(points_text(PointPairs(PLACES, on_photo(PLACES))))
    return (*write_scene(tmp_path), points)


def test_point_pairs_give_the_transform(files: tuple[Path, Path, Path]) -> None:
    plate, photo, points = files
    done = call(plate, photo, "--points", points, "--json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert told["status"] == "aligned"
    np.testing.assert_allclose(told["matrix"], MATRIX, atol=0.02)
    words = call(plate, photo, "--points", points).stdout
    assert words.startswith("aligned plate.png to photo.png: affine by points, expected error 0.")
    assert " 1.01" in words


def test_the_pictures_alone_give_it_too(files: tuple[Path, Path, Path]) -> None:
    done = call(*files[:2], "--json")
    assert done.exit_code == 0
    corners = np.array([[0, 0, 1], [159, 0, 1], [0, 119, 1], [159, 119, 1]]).T
    found = np.array(json.loads(done.stdout)["matrix"]) @ corners
    np.testing.assert_allclose((found / found[2])[:2], (MATRIX @ corners)[:2], atol=1)


def test_out_holds_the_transform_and_pictures(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    plate, photo, points = files
    done = call(plate, photo, "--points", points, "--out", tmp_path / "out")
    names = {"alignment.json", "aligned.png", "residual.png", "blend.png"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert all(f"wrote {tmp_path / 'out' / name}" in done.stdout for name in names)


def test_an_input_is_never_written_over(tmp_path: Path) -> None:
    plate, photo = write_scene(tmp_path)
    plate = plate.rename(tmp_path / "aligned.png")
    before = plate.read_bytes()
    assert call(plate, photo, "--out", tmp_path).exit_code == 0
    assert plate.read_bytes() == before
    assert (tmp_path / "aligned-2.png").is_file()


def test_what_is_not_aligned_is_a_sentence_and_exit_code_1(files: tuple[Path, Path, Path]) -> None:
    plate, photo, points = files
    points.write_text(points_text(PointPairs(PLACES, np.array([159, 0]) + np.array([-1, 1]) * PLACES)))
    done = call(plate, photo, "--points", points)
    assert done.exit_code == 1
    assert done.stdout.startswith("not aligned: plate.png to photo.png: the pairs turn the plate over like a mirror")
    done = call(plate, photo, "--points", points, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["status"] == "not aligned"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--points", "p.csv", "--method", "corners"], "leave one out"),
        (["--web", "--json"], "leave out --json"),
        (["--port", "8000"], "belong to --web"),
        (["--no-open"], "belong to --web"),
        (["--web", "--port", "70000"], "70000 is not in the range"),
    ],
)
def test_options_that_do_not_go_together_are_usage_errors(arguments: list[str], words: str) -> None:
    done = call("a.png", "b.png", *arguments)
    assert done.exit_code == 2
    assert words in done.stderr


def test_files_and_methods_that_cannot_be_used_are_the_users_errors(files: tuple[Path, Path, Path]) -> None:
    plate, photo, points = files
    assert isinstance(call(plate, "nowhere.png").exception, UnreadableImage)
    assert isinstance(call(plate, photo, "--method", "magic").exception, CutoutError)
    points.write_text("a,b\n1,2\n")
    assert isinstance(call(plate, photo, "--points", points).exception, CutoutError)


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is another signal there")
def test_web_serves_the_page_until_ctrl_c(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    started = "from toprung.cli.align import command; command()"
    arguments = [*map(str, files[:2]), "--web", "--no-open", "--out", str(tmp_path / "out")]
    with subprocess.Popen(
        [sys.executable, "-u", "-c", started, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "aligning them" in process.stdout.readline()
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert found, line
        with urllib.request.urlopen(found.group() + "start", timeout=10) as reply:
            assert json.load(reply)["photo"]["name"] == "photo.png"
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=20)
    assert printed.strip() == "stopped"
    assert errors == ""
    assert process.returncode == 0
