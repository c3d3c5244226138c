import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from toprung.data.hamming import bits_set, close_pairs

words = st.integers(0, 2**64 - 1)


@st.composite
def neighbours(draw: st.DrawFn) -> list[int]:
    """Hashes around a few centres, so that many pairs are close; equal ones too."""
    centres = draw(st.lists(words, min_size=1, max_size=3))
    flips = st.lists(st.integers(0, 63), max_size=7).map(lambda bits: sum(1 << bit for bit in set(bits)))
    return [centre ^ flip for centre in centres for flip in draw(st.lists(flips, max_size=20))]


@given(hashes=st.one_of(neighbours(), st.lists(words, max_size=30)), radius=st.integers(0, 12))
def test_exactly_the_pairs_that_comparing_each_with_each_finds(hashes: list[int], radius: int) -> None:
    expected = [
        (i, j, (one ^ other).bit_count())
        for i, one in enumerate(hashes)
        for j, other in enumerate(hashes)
        if i < j and (one ^ other).bit_count() <= radius
    ]
    found = close_pairs(np.array(hashes, dtype=np.uint64), radius)
    assert list(zip(*(column.tolist() for column in found), strict=True)) == expected


@given(st.lists(words, max_size=50))
def test_bits_set_is_pythons_bit_count(values: list[int]) -> None:
    assert bits_set(np.array(values, dtype=np.uint64)).tolist() == [value.bit_count() for value in values]


def test_a_hundred_thousand_hashes_are_no_matter_of_minutes() -> None:
    hashes = np.random.default_rng(0).integers(0, 2**63, 100_000, dtype=np.uint64)
    hashes[1::1000] = hashes[::1000] ^ np.uint64(0b1011)
    first, second, distance = close_pairs(hashes, 4)
    assert (second - first == 1).sum() == 100
    assert (distance == 3).sum() == 100
