import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.errors import RecipeError
from toprung.training.sizes import format_size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("24GiB", 24 * 2**30),
        ("24GB", 24 * 10**9),
        ("800MB", 800 * 10**6),
        ("1.5 gib", 3 * 2**29),
        ("512k", 512_000),
        ("2Ti", 2 * 2**40),
        ("1000", 1000),
        ("64b", 64),
    ],
)
def test_sizes_are_read_as_written(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GiB", "24 apples", "-3GB", "0GB", "3iB", "1e9", "24 G i B"])
def test_what_is_no_amount_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(RecipeError, match="24GiB"):
        parse_size(text)


@given(st.integers(1024**2, 2**50))
def test_what_is_printed_is_read_back_to_its_last_digit(size: int) -> None:
    step = 0.05 * 1024**3 if size >= 1024**3 else 0.5 * 1024**2
    assert abs(parse_size(format_size(size)) - size) <= step * 1.001
