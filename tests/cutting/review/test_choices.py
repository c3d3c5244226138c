import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cutting.review.made_up import HOSTILE
from toprung.cutting.review.choices import Choice, parse_choice, read_choices, write_choices
from toprung.cutting.review.strokes import Stroke
from toprung.errors import CutoutError

CHOICE = Choice("grabcut", (160, 120), (Stroke("object", 2.5, ((1.0, 2.0), (3.25, 4.0))),))


def test_what_is_written_is_read(tmp_path):
    choices = dict.fromkeys(HOSTILE, CHOICE) | {"plain.jpg": Choice(None, (1, 1))}
    write_choices(tmp_path / "choices.json", choices)
    assert read_choices(tmp_path / "choices.json") == choices


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "has format 'list', not 1"),
        ('{"format": 2, "choices": {}}', "has format 2, not 1"),
        ('{"format": 1}', "holds no table 'choices'"),
        ('{"format": 1, "choices": {"a.jpg": 3}}', "'a.jpg': 3 is no table"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path, text, message):
    file = tmp_path / "choices.json"
    file.write_text(text)
    with pytest.raises(CutoutError) as caught:
        read_choices(file)
    assert message in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_folder(tmp_path):
    with pytest.raises(CutoutError, match=r"there is no .*nothing\.json"):
        read_choices(tmp_path / "nothing.json")
    with pytest.raises(CutoutError, match="cannot read"):
        read_choices(tmp_path)


BAD = [
    ({"picked": 3}, "picked is 3"),
    ({"size": [0, 5]}, r"size is \[0, 5\]"),
    ({"size": [1.5, 5]}, "size is"),
    ({"size": None}, "size is None"),
    ({"strokes": {}}, "strokes is no list"),
    ({"strokes": [{}] * 2001}, "at most 2000"),
    ({"strokes": [{"kind": "other"}]}, "stroke 1: .* kind is object or background"),
    ({"strokes": [{"kind": "object", "radius": 0, "points": [[1, 1]]}]}, "radius is 0"),
    ({"strokes": [{"kind": "object", "radius": True, "points": [[1, 1]]}]}, "radius is True"),
    ({"strokes": [{"kind": "object", "radius": 1, "points": []}]}, r"points is \[\]"),
    ({"strokes": [{"kind": "object", "radius": 1, "points": [[1]]}]}, r"\[1\] is no \[x, y\]"),
    ({"strokes": [{"kind": "object", "radius": 1, "points": [[1, "2"]]}]}, "is no"),
    ({"strokes": [{"kind": "object", "radius": 1, "points": [[1, float("nan")]]}]}, "is no"),
    ({"strokes": [{"kind": "object", "radius": 1, "points": [[1, 1e30]]}]}, "is no"),
    ({"strokes": [{"kind": "object", "radius": 1, "points": [[1, 1]] * 200_001}]}, "more than 200000 points"),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=range(len(BAD)))
def test_values_outside_their_rule(change, message):
    with pytest.raises(CutoutError, match=message):
        parse_choice(CHOICE.to_json() | change, "'a.jpg'")


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(list(CHOICE.to_json())), inner),
    max_leaves=12,
)


@given(json_values)
def test_whatever_comes_is_a_choice_or_an_error(value):
    try:
        choice = parse_choice(value, "it")
    except CutoutError:
        return
    assert parse_choice(json.loads(json.dumps(choice.to_json())), "it") == choice
