"""The page of a climb: whole, escaped, for few and many classes, and for climbs that came to little."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.cli.command_line import toprung
from tests.ladder.climb.make_climb import make_climb
from toprung.errors import RunError
from toprung.evaluation.predictions import Predictions
from toprung.ladder.climb.page.neighbours import changed_settings
from toprung.ladder.climb.page.write import write_climb_page
from toprung.runs.folder import RunFolder

HOSTILE = "<script>alert(1)</script> \"'&"


class Checker(HTMLParser):
    """Collects tags that stay open, sections, and scripts."""

    VOID = frozenset(("meta", "img", "br", "line", "circle", "path", "link", "input", "i"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sections: list[str] = []
        self.scripts = 0
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        values = dict(attrs)
        self.scripts += tag == "script"
        if tag == "section":
            self.sections.append(values.get("id") or "")
        for name in ("src", "href"):
            if (values.get(name) or "").startswith(("http", "//")):
                self.outside.append(values[name] or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close a tag."""
        if tag not in self.VOID:
            assert self.open.pop() == tag


def read(folder: Path) -> tuple[str, Checker]:
    """Write the page and check it."""
    text = write_climb_page(folder).read_text(encoding="utf-8")
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    assert checker.outside == []
    assert checker.scripts == 1
    return text, checker


def test_all_sections_are_there(tmp_path: Path) -> None:
    stopped = [
        {"name": "big", "status": "skipped", "reason": "needs 3 h, and 2 min of the budget would be left for it"},
        {"name": "lost", "status": "failed", "error": "there is no weights file"},
    ]
    text, checker = read(make_climb(tmp_path / "climb", stopped=stopped))
    assert checker.sections == [
        "result",
        "picture",
        "board",
        "stopped",
        "steps",
        "labels",
        "calibration",
        "classes",
        "commands",
    ]
    assert "needs 3 h" in text
    assert "there is no weights file" in text
    assert text.count('class="card step"') == 2
    assert "data:image/webp;base64," in text
    assert "toprung train pictures --recipe third/recipe.toml" in text


def test_the_numbers_are_those_of_the_predictions(tmp_path: Path) -> None:
    climb = make_climb(tmp_path / "climb")
    text, _ = read(climb)
    said = {n: Predictions.read(RunFolder(climb / n).predictions_file("test")) for n in ("first", "second", "third")}
    right = {name: one.predicted == one.labels for name, one in said.items()}
    won, lost = int((~right["first"] & right["second"]).sum()), int((right["first"] & ~right["second"]).sum())
    assert f"{won} pictures won, {lost} lost" in text
    assert f"{right['third'].sum()} of 60 test pictures" in text


def test_hostile_names_are_shown_and_not_run(tmp_path: Path) -> None:
    classes = (HOSTILE, "汉字", "x" * 80)
    climb = make_climb(
        tmp_path / "a <b>", classes=classes, stopped=[{"name": HOSTILE, "status": "failed", "error": HOSTILE}]
    )
    content = json.loads((climb / "climb.json").read_text())
    (climb / "climb.json").write_text(json.dumps(content | {"ladder": HOSTILE, "command": HOSTILE, "source": HOSTILE}))
    text, _ = read(climb)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "汉字" in text


@pytest.mark.parametrize("count", [2, 100])
def test_few_and_many_classes(tmp_path: Path, count: int) -> None:
    text, _ = read(make_climb(tmp_path / "climb", classes=[f"class {n}" for n in range(count)]))
    assert len(text) < 3_000_000


def test_one_rung_and_no_test_split(tmp_path: Path) -> None:
    text, checker = read(make_climb(tmp_path / "climb", ("only",), test=False))
    assert "steps" not in checker.sections
    assert "chosen on these same val pictures" in text


def test_nothing_finished(tmp_path: Path) -> None:
    text, checker = read(make_climb(tmp_path / "climb", (), stopped=[{"name": "a", "status": "failed", "error": "no"}]))
    assert checker.sections == ["result", "stopped", "commands"]
    assert "No rung has come to its end" in text


def test_what_is_damaged_is_named(tmp_path: Path) -> None:
    climb = make_climb(tmp_path / "climb")
    (climb / "second" / "scores.json").write_text("{")
    text, _ = read(climb)
    assert "second is left out" in text
    assert "third" in text


def test_settings_that_differ(tmp_path: Path) -> None:
    climb = make_climb(tmp_path / "climb")
    found = changed_settings(RunFolder(climb / "first"), RunFolder(climb / "second"))
    assert found == [("model.name", "net0", "net1"), ("optimisation.lr", "1.0", "0.1")]


def test_the_command_writes_it_anew(tmp_path: Path) -> None:
    climb = make_climb(tmp_path / "climb")
    result = toprung("report", climb)
    assert result.code == 0, result.err
    assert result.out.strip() == str(climb / "report.html")
    assert re.search("<title>climb", (climb / "report.html").read_text(encoding="utf-8"))


def test_no_climb(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a climb"):
        write_climb_page(tmp_path)
