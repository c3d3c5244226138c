import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.data.make_pictures import make_classes, picture
from toprung.cli.data import command
from toprung.errors import DataError, LeakFound, RecipeError


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture
def leaky(tmp_path: Path) -> Path:
    """Pictures with one of each trouble."""
    make_classes(tmp_path / "train", {"cat": 6, "[red]dog": 6})
    make_classes(tmp_path / "test", {"cat": 2, "[red]dog": 2}, seed=50)
    shutil.copy(tmp_path / "test" / "cat" / "000.png", tmp_path / "train" / "cat" / "copy, ü.png")
    picture(0).save(tmp_path / "train" / "[red]dog" / "x.jpg", quality=80)
    (tmp_path / "train" / "cat" / "page.png").write_text("<html>404</html>")
    (tmp_path / "train" / "cat" / "bell\a\x1b[2J.png").write_bytes(b"")
    picture(99).save(tmp_path / "train" / "cat" / "really.jpg", "WEBP")
    return tmp_path


def test_a_healthy_folder_is_told_so(tmp_path: Path) -> None:
    make_classes(tmp_path, {"cat": 10, "dog": 5})
    result = run(tmp_path)
    assert result.exit_code == 0, result.output
    assert "15 pictures in 2 classes" in result.output
    assert "val is 20\u202f% of each class" in result.output
    assert result.output.count("✓") == 4
    assert "✗" not in result.output


def test_each_trouble_is_told(leaky: Path) -> None:
    result = run(leaky)
    assert result.exit_code == 0, result.output
    for told in (
        "LEAK: 1 picture stands",
        "copy, ü.png",
        "HTML",
        "is WEBP",
        "under two labels",
        "[red]dog",
        "same look",
    ):
        assert told in result.output
    assert "test is" not in result.output  # the source gave it


def test_names_cannot_move_the_cursor(leaky: Path) -> None:
    output = run(leaky).output
    assert "bell?" in output
    assert not {"\a", "\x1b"} & set(output)


def test_refused_leaks_end_with_the_report_and_an_error(leaky: Path) -> None:
    result = run(leaky, "--refuse-leaks")
    assert isinstance(result.exception, LeakFound)
    assert "LEAK" in result.output


def test_refused_unreadable_files_end_with_the_report_and_an_error(leaky: Path) -> None:
    result = run(leaky, "--on-unreadable", "error")
    assert isinstance(result.exception, DataError)
    assert "2 files cannot be read" in str(result.exception)
    assert "HTML" in result.output


def test_json(leaky: Path) -> None:
    result = run(leaky, "--json")
    report = json.loads(result.stdout)
    assert report["format"] == 1
    assert [len(report[kind]) for kind in ("leaks", "conflicts", "unreadable", "wrong_extension")] == [1, 1, 2, 1]


def test_the_split_is_that_of_training_with_the_same_settings(tmp_path: Path) -> None:
    make_classes(tmp_path, {"cat": 20, "dog": 10})
    report = json.loads(run(tmp_path, "--json", "--test-fraction", "0.1", "--folds", "3", "--fold", "1").stdout)
    assert {split: sum(counts.values()) for split, counts in report["counts"].items()} == {
        "train": 18,
        "val": 9,
        "test": 3,
    }


@pytest.mark.parametrize("arguments", [("--val-fraction", "1.5"), ("--folds", "3", "--fold", "3")])
def test_settings_out_of_range(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert isinstance(run(tmp_path, *arguments).exception, RecipeError)


def test_a_hundred_classes_are_not_all_listed(tmp_path: Path) -> None:
    make_classes(tmp_path, {f"class {i:03}": 2 + i % 2 for i in range(60)})
    output = run(tmp_path).output
    assert "(20 more)" in output
    assert sum(line.strip().startswith("class 0") for line in output.splitlines()) == 40


def test_a_wrong_path_is_one_line_and_a_code(tmp_path: Path) -> None:
    asked = [sys.executable, "-m", "toprung", "data", str(tmp_path / "none")]
    ended = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert ended.returncode == DataError.exit_code
    assert ended.stderr.startswith("error: ")
    assert len(ended.stderr.splitlines()) == 1


def test_torch_is_never_imported(tmp_path: Path) -> None:
    make_classes(tmp_path, {"cat": 3, "dog": 3})
    code = f"""
import sys
from toprung.cli.data import command
assert not {{"numpy", "rich", "PIL"}} & set(sys.modules)
command([{str(tmp_path)!r}], standalone_mode=False)
assert not {{"torch", "torchvision", "timm", "sklearn"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_poor_terminals(leaky: Path, encoding: str) -> None:
    import os

    asked = [sys.executable, "-m", "toprung", "data", str(leaky)]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "50"}
    ended = subprocess.run(asked, capture_output=True, env=environment, check=True)
    assert b"LEAK" in ended.stdout
