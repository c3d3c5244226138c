from __future__ import annotations

import csv
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.command_line import Result, toprung
from tests.pictures import make_pictures
from toprung.ladder.run import Run


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def predict(run: Run, *arguments: object) -> Result:
    return toprung("predict", run.path, *arguments)


def test_a_folder_becomes_a_csv_that_agrees_with_the_python_api(run: Run, pictures: Path, tmp_path: Path) -> None:
    done = predict(run, pictures, "-o", tmp_path / "out.csv", "--top", 2)
    assert done.code == 0, done
    lines = rows(tmp_path / "out.csv")
    files = sorted(pictures.rglob("*.png"))
    assert [line["path"] for line in lines] == [str(file) for file in files]
    assert list(lines[0]) == ["path", "label", "probability", "label_2", "probability_2", "error"]
    for line, answer in zip(lines, run.predict(files), strict=True):
        top = answer.top(2)
        assert (line["label"], line["label_2"]) == (top[0][0], top[1][0])
        assert float(line["probability"]) == pytest.approx(top[0][1], abs=2e-6)
        assert line["error"] == ""


def test_files_folders_and_patterns_with_odd_names(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "a b, c"
    (folder / "деревья").mkdir(parents=True)
    pixels = np.full((40, 40, 3), 120, np.uint8)
    names = ['quo"te.PNG', "树 [1].jpg", "деревья/дуб.png", "line\nbreak.png"]
    for name in names:
        Image.fromarray(pixels).save(folder / name)
    out = tmp_path / "o.csv"
    done = predict(run, folder / names[0], str(folder / "*.jpg"), folder / "деревья", folder / names[3], "-o", out)
    assert done.code == 0, done
    assert {line["path"] for line in rows(out)} == {str(folder / name) for name in names}


def test_unreadable_files_are_listed_and_the_exit_code_says_so(run: Run, pictures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    whole = (pictures / "red" / "0.png").read_bytes()
    (folder / "a.png").write_bytes(whole)
    (folder / "b.png").write_bytes(whole[:60])
    (folder / "c.jpg").write_bytes(b"<html>not found</html>")
    done = predict(run, folder, "-o", tmp_path / "o.csv")
    assert done.code == 1
    assert "2 of 3 pictures could not be read" in done.err
    good, cut, page = rows(tmp_path / "o.csv")
    assert good["label"]
    assert cut["label"] == page["label"] == ""
    assert "cut off or damaged" in cut["error"]
    assert "HTML page" in page["error"]


def test_without_a_file_the_lines_are_printed(run: Run, pictures: Path) -> None:
    done = predict(run, pictures / "red" / "0.png", pictures / "blue" / "1.png")
    assert done.code == 0
    lines = list(csv.DictReader(done.out.splitlines()))
    assert [Path(line["path"]).parent.name for line in lines] == ["blue", "red"]


def test_an_existing_file_is_never_overwritten(run: Run, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.csv"
    out.write_text("mine")
    done = predict(run, pictures, "-o", out)
    assert done.code == 2
    assert "never overwritten" in done.err
    assert out.read_text() == "mine"


def test_killed_and_repeated_it_goes_on_and_gives_the_same_lines(run: Run, tmp_path: Path) -> None:
    folder = make_pictures(tmp_path / "many", per_class=150)
    whole, out = tmp_path / "whole.csv", tmp_path / "out.csv"
    assert predict(run, folder, "-o", whole, "--batch-size", 4).code == 0
    command = [sys.executable, "-m", "toprung", "predict", str(run.path), str(folder), "-o", str(out)]
    process = subprocess.Popen([*command, "--batch-size", "4"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    partial = tmp_path / "out.csv.partial"
    while process.poll() is None and not (partial.is_file() and partial.stat().st_size > 2000):
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    with partial.open("ab") as file:
        file.write(b'"/half/a li')  # what a kill in the middle of a write leaves
    done = predict(run, folder, "-o", out, "--batch-size", 4)
    assert done.code == 0, done
    assert "before the interruption" in done.out
    assert out.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob("*partial*"))


def test_a_partial_file_of_other_settings_is_refused(run: Run, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.csv"
    (tmp_path / "o.csv.partial").write_text("path,label\n")
    (tmp_path / "o.csv.partial.json").write_text('{"model": "another"}')
    done = predict(run, pictures, "-o", out)
    assert done.code == 2
    assert "another model or other settings" in done.err


def test_nothing_to_predict(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for place, said in ((tmp_path / "empty", "no pictures in"), (tmp_path / "gone", "does not exist")):
        done = predict(run, place)
        assert done.code == 2
        assert said in done.err
        assert "Traceback" not in done.err
