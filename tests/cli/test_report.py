import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.ladder.make_run import make_run
from toprung.cli.report import command
from toprung.errors import RunError


def test_writes_the_page_anew_and_prints_where_it_stands(tmp_path: Path) -> None:
    run = make_run(tmp_path / "first", epochs=2)
    page = run / "report.html"
    page.write_text("old")
    result = CliRunner().invoke(command, [str(run)])
    assert result.exit_code == 0
    assert result.output == f"{page}\n"
    assert "first" in page.read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_run_that_stopped_halfway_gets_a_page_too(tmp_path: Path) -> None:
    run = make_run(tmp_path / "halfway", epochs=1, status="interrupted", splits=())
    (run / "scores.json").unlink()
    result = CliRunner().invoke(command, [str(run)])
    assert result.exit_code == 0
    assert (run / "report.html").is_file()


def test_what_is_no_run_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [str(tmp_path)])
    assert isinstance(result.exception, RunError)
    assert list(tmp_path.iterdir()) == []
    assert isinstance(CliRunner().invoke(command, [str(tmp_path / "gone")]).exception, RunError)


def test_a_run_of_a_newer_toprung_keeps_its_page(tmp_path: Path) -> None:
    run = make_run(tmp_path / "newer", epochs=1)
    (run / "report.html").write_text("newer page")
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    (run / "run.json").write_text(json.dumps(record | {"format": 2}), encoding="utf-8")
    result = CliRunner().invoke(command, [str(run)])
    assert isinstance(result.exception, RunError)
    assert "newer" in str(result.exception)
    assert (run / "report.html").read_text() == "newer page"


def test_a_run_is_required() -> None:
    assert CliRunner().invoke(command, []).exit_code == 2


@pytest.mark.parametrize("verb", ["report", "board"])
def test_reading_runs_needs_no_torch(tmp_path: Path, verb: str) -> None:
    run = make_run(tmp_path / "runs" / "first", epochs=1)
    code = (
        "import sys; from toprung.cli.main import group; "
        "group.main(sys.argv[1:], standalone_mode=False); assert not {'torch', 'timm'} & set(sys.modules)"
    )
    place = run if verb == "report" else run.parent
    subprocess.run([sys.executable, "-c", code, verb, str(place)], capture_output=True, text=True, check=True)
