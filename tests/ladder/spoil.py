"""Damages JSON the way a stranger, a bug or a broken disk would."""

from __future__ import annotations

from hypothesis import strategies as st

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers(-(10**400), 10**400)
    | st.text(max_size=5)
    | st.sampled_from(["\ud800", HOSTILE, "\x00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def spoil(data: st.DataObject, value: object, depth: int = 0) -> object:
    """Replace one part of a JSON value, somewhere, by anything."""
    if depth and data.draw(st.integers(0, 3)) == 0:
        return data.draw(JSON)
    if isinstance(value, dict) and value:
        key = data.draw(st.sampled_from(sorted(value)))
        return value | {key: spoil(data, value[key], depth + 1)}
    if isinstance(value, list) and value:
        place = data.draw(st.integers(0, len(value) - 1))
        return [*value[:place], spoil(data, value[place], depth + 1), *value[place + 1 :]]
    return data.draw(JSON)
