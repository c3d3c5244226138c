import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.ladder.make_run import make_run
from toprung.cli.board import command
from toprung.errors import RunError


def test_prints_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path / "runs" / "first", epochs=1)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, [])
    assert result.exit_code == 0
    assert "first" in result.output
    assert "test split" in result.output


def test_prints_json(tmp_path: Path) -> None:
    make_run(tmp_path / "a", epochs=1)
    make_run(tmp_path / "b", status="failed", epochs=1)
    result = CliRunner().invoke(command, [str(tmp_path), "--json"])
    board = json.loads(result.output)
    assert board["format"] == 1
    assert [(row["name"], row["rank"], row["split"]) for row in board["runs"]] == [
        ("a", 1, "test"),
        ("b", None, "test"),
    ]


def test_split_can_be_chosen(tmp_path: Path) -> None:
    make_run(tmp_path / "a", epochs=1)
    result = CliRunner().invoke(command, [str(tmp_path), "--json", "--split", "val"])
    assert json.loads(result.output)["runs"][0]["split"] == "val"


@pytest.mark.parametrize("name", ["none", "empty"])
def test_no_runs_is_an_error_with_a_remedy(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    result = CliRunner().invoke(command, [str(tmp_path / name)])
    assert isinstance(result.exception, RunError)
    assert "toprung train" in str(result.exception)


def test_help_imports_only_click() -> None:
    code = "import sys, toprung.cli.board; assert not {'numpy', 'rich', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
