import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung import errors
from toprung.errors import ToprungError, nearest
from toprung.training.interrupt import Interrupted

CLASSES = {
    name: value for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)
}


def drawn_parents() -> dict[str, str | None]:
    """Read the tree in the module's docstring: each class with the one it hangs from."""
    above: list[tuple[int, str]] = []
    parents: dict[str, str | None] = {}
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"    ([│├└─ ]*)([A-Z]\w+) {2,}\S", line):
            depth, name = len(found[1]), found[2]
            above = [(d, n) for d, n in above if d < depth]
            parents[name] = above[-1][1] if above else None
            above.append((depth, name))
    return parents


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = drawn_parents()
    assert drawn.keys() == CLASSES.keys()
    for name, parent in drawn.items():
        assert CLASSES[name].__base__.__name__ == (parent or "Exception")


def test_exit_codes() -> None:
    codes = {name: kind.exit_code for name, kind in CLASSES.items()}
    assert codes.pop("TrainingDiverged") == 3
    assert set(codes.values()) == {2}
    assert Interrupted.exit_code == 130


@pytest.mark.parametrize("kind", [*CLASSES.values(), Interrupted])
def test_the_message_is_all_that_is_said(kind: type[ToprungError]) -> None:
    assert str(kind("a b c")) == "a b c"
    assert issubclass(kind, ToprungError)


def test_nearest_reads_as_a_question() -> None:
    assert nearest("resnet5", ["resnet50"]) == " Did you mean resnet50?"
    assert nearest("lr", ["lr1", "lr2"]) in (" Did you mean lr1 or lr2?", " Did you mean lr2 or lr1?")
    three = nearest("aaaa", ["aaab", "aaac", "aaad", "zzzz"])
    assert re.fullmatch(r" Did you mean aaa\w, aaa\w or aaa\w\?", three)
    assert nearest("aaaa", ["aaab", "aaac", "aaad"], count=1).count("aaa") == 1


@pytest.mark.parametrize("known", [[], ["zzzz"], iter(["q"])])
def test_nearest_says_nothing_when_nothing_is_near(known: list[str]) -> None:
    assert nearest("lr", known) == ""


@given(st.text(min_size=1), st.lists(st.text(min_size=1), max_size=8))
def test_nearest_suggests_only_known_names_and_the_name_itself_first(name: str, known: list[str]) -> None:
    hint = nearest(name, known, count=1)
    assert hint == "" or hint.removeprefix(" Did you mean ").removesuffix("?") in known
    assert nearest(name, [*known, name], count=1) == f" Did you mean {name}?"
