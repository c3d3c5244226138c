"""Name tables: rules read forwards and backwards."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from toprung.checkpoints.names import NameTable, count_blocks, under

TABLE = NameTable(
    [
        ("emb.cls", "cls_token"),
        ("enc.{i}.ln_a", "blocks.{i}.norm1"),
        (("enc.{i}.q", "enc.{i}.k", "enc.{i}.v"), "blocks.{i}.attn.qkv"),
        ("stages.{i}.{j}.dw", "stages.{j}.blocks.{i}.conv"),
        ("enc.{i}.scale_{j}", "blocks.{i}.ls{j}.gamma"),
    ]
)


@given(i=st.integers(0, 99), j=st.integers(0, 99), leaf=st.sampled_from([".weight", ".bias", ".running_mean", ""]))
def test_every_rule_is_read_both_ways(i: int, j: int, leaf: str) -> None:
    for theirs, ours in [
        (f"enc.{i}.ln_a{leaf}", f"blocks.{i}.norm1{leaf}"),
        (f"stages.{i}.{j}.dw{leaf}", f"stages.{j}.blocks.{i}.conv{leaf}"),
        (f"enc.{i}.scale_{j}", f"blocks.{i}.ls{j}.gamma"),
        ("emb.cls", "cls_token"),
    ]:
        assert TABLE.forward(theirs) == ours
        assert TABLE.backward(ours) == (theirs,)
    assert TABLE.backward(f"blocks.{i}.attn.qkv{leaf}") == tuple(f"enc.{i}.{part}{leaf}" for part in "qkv")


@given(st.permutations(["enc.0.q.weight", "enc.0.k.weight", "enc.0.v.weight", "enc.0.ln_a.bias"]))
def test_parts_are_joined_in_the_order_of_the_rule_whatever_the_files(order: list[str]) -> None:
    values = {"enc.0.q.weight": 1.0, "enc.0.k.weight": 2.0, "enc.0.v.weight": 3.0, "enc.0.ln_a.bias": 4.0}
    renamed = TABLE.rename({name: torch.full((2, 2), values[name]) for name in order})
    assert renamed.leftover == ()
    assert renamed.state["blocks.0.attn.qkv.weight"][:, 0].tolist() == [1, 1, 2, 2, 3, 3]
    assert renamed.state["blocks.0.norm1.bias"][0, 0] == 4


def test_a_part_that_is_missing_leaves_the_others_over() -> None:
    renamed = TABLE.rename({"enc.0.q.weight": torch.ones(1), "enc.0.v.weight": torch.ones(1)})
    assert renamed.state == {}
    assert set(renamed.leftover) == {"enc.0.q.weight", "enc.0.v.weight"}


def test_unknown_names_are_left_over() -> None:
    renamed = TABLE.rename({"enc.x.ln_a.weight": torch.ones(1), "enc.1.ln_ab.weight": torch.ones(1)})
    assert renamed.leftover == ("enc.x.ln_a.weight", "enc.1.ln_ab.weight")


def test_two_names_for_one_place_are_not_both_taken() -> None:
    table = NameTable([("a", "x"), ("b", "x")])
    renamed = table.rename({"a.weight": torch.ones(1), "b.weight": torch.ones(1)})
    assert renamed.leftover == ("b.weight",)


def test_helpers() -> None:
    assert list(under({"a.b": torch.ones(1), "ab": torch.ones(1)}, "a.")) == ["b"]
    assert count_blocks(["b.0.x", "b.0.y", "b.11.x", "c.3"], r"b\.(\d+)\.") == 2
