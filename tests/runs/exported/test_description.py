"""What goes with an exported model comes back as it was, whatever the names and numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.data.preprocessing import Preprocessing
from toprung.runs.exported.description import FORMAT, ExportDescription

HOW = st.builds(
    Preprocessing,
    size=st.tuples(st.integers(1, 999), st.integers(1, 999)),
    crop_pct=st.floats(0.1, 1),
    crop_mode=st.sampled_from(["center", "squash", "border"]),
)
TEXT = st.text(st.characters(codec="utf-8"))


@given(TEXT, st.lists(TEXT, min_size=1).map(tuple), HOW, st.booleans())
def test_it_comes_back_as_it_was(name: str, classes: tuple[str, ...], how: Preprocessing, half: bool) -> None:
    said = ExportDescription(name, "net", classes, how, "hash", half)
    assert ExportDescription.from_text(said.to_text()) == said
    steps = {step["step"]: step for step in said.to_json()["before_the_model"]}
    assert (steps["crop"]["height"], steps["crop"]["width"]) == how.size
    assert steps["resize"]["height"] >= how.size[0]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', f'{{"format": {FORMAT + 1}}}', '{"format": "x"}'])
def test_what_is_something_else_is_refused(text: str) -> None:
    with pytest.raises((ValueError, LookupError, TypeError)):
        ExportDescription.from_text(text)
