from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.data.splits import assign_splits
from toprung.data.table import Table
from toprung.errors import DataError, RecipeError


def make_table(
    labels: list[int], *, splits: list[str] | None = None, groups: list[str] | None = None, root: str = "/data"
) -> Table:
    classes = tuple("abcdefgh"[: max(labels) + 1])
    return Table(
        paths=tuple(Path(root, classes[label], f"{i:04}.png") for i, label in enumerate(labels)),
        labels=np.array(labels, dtype=np.int64),
        classes=classes,
        splits=tuple(splits or [""] * len(labels)),
        groups=tuple(groups or ()),
    )


# Two pictures of each class at least, more of some.
label_lists = st.integers(2, 5).flatmap(
    lambda classes: st.lists(st.integers(0, classes - 1), max_size=60).map(lambda more: [*range(classes)] * 2 + more)
)
seeds = st.integers(0, 1000)


@st.composite
def grouped_tables(draw: st.DrawFn) -> tuple[Table, list[int]]:
    """A table with groups, and clusters of near-duplicates across them."""
    labels = draw(label_lists)
    count = len(labels)
    groups = draw(st.lists(st.sampled_from(["", "", "", "g", "h", "i"]), min_size=count, max_size=count))
    together = draw(st.lists(st.integers(-1, count // 2), min_size=count, max_size=count))
    return make_table(labels, groups=groups), [-1 if number < count // 4 else number for number in together]


class TestPlainSplit:
    @given(labels=label_lists, seed=seeds, val=st.floats(0.01, 0.6), test=st.floats(0, 0.35))
    def test_every_picture_gets_one_split_and_nothing_else_changes(
        self, labels: list[int], seed: int, val: float, test: float
    ) -> None:
        table = make_table(labels)
        split = assign_splits(table, seed=seed, val_fraction=val, test_fraction=test)
        assert set(split.splits) <= {"train", "val", "test"}
        assert split.paths == table.paths
        assert split.labels.tolist() == labels
        assert (split.counts("train") > 0).all()
        assert (split.counts("val") > 0).all()

    @given(labels=label_lists, seed=seeds, fraction=st.floats(0.01, 0.9))
    def test_each_class_gives_its_share(self, labels: list[int], seed: int, fraction: float) -> None:
        split = assign_splits(make_table(labels), seed=seed, val_fraction=fraction)
        counts = np.bincount(labels)
        for in_val, total in zip(split.counts("val"), counts, strict=True):
            # Half a picture off by rounding, but never without the class in val or in train.
            assert abs(in_val - np.clip(total * fraction, 1, total - 1)) <= 0.5 + 1e-9

    @given(labels=label_lists, seed=seeds, data=st.data())
    def test_the_order_and_the_place_of_the_files_do_not_matter(
        self, labels: list[int], seed: int, data: st.DataObject
    ) -> None:
        table = make_table(labels)
        order = data.draw(st.permutations(range(len(labels))))
        moved = replace(table, paths=tuple(Path("/elsewhere") / path.relative_to("/") for path in table.paths))
        first, shuffled, second = (assign_splits(t, seed=seed) for t in (table, table.take(order), moved))
        assert shuffled.splits == first.take(order).splits
        assert second.splits == first.splits

    def test_another_seed_is_another_split(self) -> None:
        table = make_table([0, 1] * 50)
        assert assign_splits(table, seed=0).splits != assign_splits(table, seed=1).splits

    def test_a_new_picture_moves_few_others(self) -> None:
        """The draw of a picture depends on itself only, so a growing data set keeps its split, but for the margin."""
        labels = [0, 1] * 100
        before = assign_splits(make_table(labels), seed=0).splits
        after = assign_splits(make_table([*labels, 0]), seed=0).splits
        assert sum(one != other for one, other in zip(before, after, strict=False)) <= 2


class TestTogether:
    @given(made=grouped_tables(), seed=seeds, test=st.sampled_from([0.0, 0.2]))
    def test_groups_and_near_duplicates_stay_in_one_split(
        self, made: tuple[Table, list[int]], seed: int, test: float
    ) -> None:
        table, together = made
        split = assign_splits(table, seed=seed, test_fraction=test, together=together)
        for column, alone in ((table.groups, ""), (together, -1)):
            homes: dict[object, set[str]] = {}
            for key, home in zip(column, split.splits, strict=True):
                if key != alone:
                    homes.setdefault(key, set()).add(home)
            assert all(len(home) == 1 for home in homes.values())
        assert (split.counts("train") > 0).all()

    @given(made=grouped_tables(), seed=seeds, data=st.data())
    def test_the_order_of_rows_does_not_matter(
        self, made: tuple[Table, list[int]], seed: int, data: st.DataObject
    ) -> None:
        table, together = made
        order = data.draw(st.permutations(range(len(table))))
        shuffled = assign_splits(table.take(order), seed=seed, together=[together[row] for row in order])
        assert shuffled.splits == assign_splits(table, seed=seed, together=together).take(order).splits

    def test_a_new_picture_joins_its_double(self) -> None:
        labels = [0, 1] * 20
        splits = ["test" if i < 4 else "train" for i in range(39)] + [""]
        split = assign_splits(make_table(labels, splits=splits), seed=0, together=[0, *[-1] * 38, 0])
        assert split.splits[-1] == "test"

    def test_a_group_in_two_given_splits_is_refused(self) -> None:
        table = make_table([0, 1, 0, 1], splits=["train", "train", "val", "val"], groups=["g", "", "g", ""])
        with pytest.raises(DataError, match="'g' stands in train and in val"):
            assign_splits(table, seed=0)


class TestFolds:
    @given(labels=label_lists, seed=seeds, folds=st.integers(2, 6), test=st.sampled_from([0.0, 0.2]))
    def test_each_picture_is_validated_on_once(self, labels: list[int], seed: int, folds: int, test: float) -> None:
        table = make_table(labels)
        made = [assign_splits(table, seed=seed, folds=folds, fold=k, test_fraction=test) for k in range(folds)]
        roles = list(zip(*(split.splits for split in made), strict=True))
        left = Counter(label for label, role in zip(labels, roles, strict=True) if "test" not in role)
        for label, role in zip(labels, roles, strict=True):
            if "test" in role:
                assert set(role) == {"test"}
            elif left[label] > 1:
                assert Counter(role) == {"val": 1, "train": folds - 1}
            else:  # the only picture of its class that is left
                assert set(role) == {"train"}
        for split in made:
            assert (split.counts("train") > 0).all()

    @given(labels=label_lists, seed=seeds, folds=st.integers(2, 6))
    def test_folds_are_even_in_every_class(self, labels: list[int], seed: int, folds: int) -> None:
        """As in scikit-learn's StratifiedKFold, no two folds differ by more than one picture of a class."""
        made = [assign_splits(make_table(labels), seed=seed, folds=folds, fold=k) for k in range(folds)]
        counts = np.stack([split.counts("val") for split in made])
        assert (counts.max(axis=0) - counts.min(axis=0) <= 1).all()

    @given(made=grouped_tables(), seed=seeds, folds=st.integers(2, 4))
    def test_groups_stay_together(self, made: tuple[Table, list[int]], seed: int, folds: int) -> None:
        table, together = made
        for fold in range(folds):
            split = assign_splits(table, seed=seed, folds=folds, fold=fold, together=together)
            homes = {(number, home) for number, home in zip(together, split.splits, strict=True) if number != -1}
            assert len(homes) == len({number for number, _ in homes})


class TestGivenSplits:
    def test_they_stay(self) -> None:
        splits = ["train", "val", "test"] * 4
        table = make_table([0, 0, 0, 1, 1, 1] * 2, splits=splits)
        assert list(assign_splits(table, seed=0).splits) == splits

    def test_val_is_cut_from_train_where_there_is_none(self) -> None:
        table = make_table([0, 1] * 20, splits=["train"] * 30 + ["test"] * 10)
        split = assign_splits(table, seed=0, test_fraction=0.3)
        assert split.splits[30:] == ("test",) * 10
        assert split.splits[:30].count("val") == 6

    def test_folds_of_a_source_with_val_are_refused(self) -> None:
        table = make_table([0, 1] * 4, splits=["train", "train", "val", "val"] * 2)
        with pytest.raises(DataError, match="its own val"):
            assign_splits(table, seed=0, folds=3)


def test_one_picture_of_a_class_is_refused() -> None:
    with pytest.raises(DataError, match="'b' has one picture only"):
        assign_splits(make_table([0, 0, 0, 1]), seed=0)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"val_fraction": 0.0}, "val_fraction is 0.0"),
        ({"val_fraction": 1.0}, "val_fraction is 1.0"),
        ({"test_fraction": -0.1}, "test_fraction is -0.1"),
        ({"val_fraction": 0.6, "test_fraction": 0.4}, "nothing to train on"),
        ({"folds": 1}, "folds is 1"),
        ({"folds": 3, "fold": 3}, "fold is 3"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float], word: str) -> None:
    with pytest.raises(RecipeError, match=word):
        assign_splits(make_table([0, 1] * 5), seed=0, **settings)
