"""Tables of other tools: classes without a picture, other columns, tabs."""

from __future__ import annotations

from pathlib import Path

import pytest

from toprung.ladder.comparing.foreign import read_predictions_csv


@pytest.mark.parametrize(
    ("content", "classes", "answers"),
    [
        # a mistake for a class that no picture has stays a mistake
        ("path,label,ant,bee,cat\na,ant,.1,.1,.8\nb,bee,.1,.8,.1\n", ("ant", "bee", "cat"), ["cat", "bee"]),
        ("path,label,score_ant,score_bee,score_cat\na,ant,1,2,9\nb,bee,1,9,2\n", ("ant", "bee", "cat"), ["cat", "bee"]),
        ("path,label,ant,bee,seconds\na,ant,.2,.8,3\nb,bee,.1,.9,4\n", ("ant", "bee"), ["bee", "bee"]),
        ("path,label,ant,bee,note\na,ant,5,8,x\nb,bee,9,1,y\n", ("ant", "bee"), ["bee", "ant"]),
        ("path\tlabel\tpredicted\na\tant\tbee\nb\tbee\tbee\n", ("ant", "bee"), ["bee", "bee"]),
    ],
)
def test_classes_and_answers(tmp_path: Path, content: str, classes: tuple[str, ...], answers: list[str]) -> None:
    file = tmp_path / "other.csv"
    file.write_text(content, encoding="utf-8")
    said = read_predictions_csv(file)
    assert said.classes == classes
    assert [classes[place] for place in said.predicted] == answers
