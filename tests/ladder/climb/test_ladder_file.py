"""Ladders are read with an error for every mistake, and the shipped ones are sound."""

from __future__ import annotations

import pytest
import timm

from toprung.errors import RecipeError
from toprung.ladder.climb.ladder_file import parse_ladder, read_ladder, shipped_ladders
from toprung.ladder.climb.recipes import rung_recipe
from toprung.ladder.climb.times import parse_time

NOT_YET = {"se_hrnet_w18"}  # told in the ladder


def ladder(text: str) -> str:
    """Return the message of the error that a ladder's text raises."""
    with pytest.raises(RecipeError) as caught:
        parse_ladder(text, "mine.toml", "mine")
    return str(caught.value)


def test_what_is_read() -> None:
    found = parse_ladder(
        """
        description = "Two rungs."
        budget = "1h30m"
        settings = {"model.img_size" = 64}
        [[rung]]
        name = "net"
        model = "resnet18"
        settings = {optimisation = {lr = 1e-3}, "schedule.epochs" = 3}
        seeds = 2
        [[rung]]
        name = "swa"
        from = "net"
        preset = "swa"
        [[rung]]
        name = "all"
        kind = "fusion"
        of = ["net", "swa"]
        """,
        "mine.toml",
        "mine",
    )
    net, swa, fusion = found.rungs
    assert (found.name, found.budget, found.settings) == ("mine", 5400.0, {"model.img_size": 64})
    assert net.settings == {"optimisation.lr": 1e-3, "schedule.epochs": 3}
    assert (net.seeds, net.parents, swa.parents, fusion.parents) == (2, (), ("net",), ("net", "swa"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = [", "is not TOML"),
        ("", "holds no rung"),
        ("rungs = 1\n[[rung]]\nname='a'", "unknown entry 'rungs'"),
        ("[[rung]]\nname='a/b'", "'a/b' is not"),
        ("[[rung]]\nname='a'\nmodell='x'", "Did you mean model or method?"),
        ("[[rung]]\nname='a'\nkind='fuse'", "kind = 'fuse' is not one of"),
        ("[[rung]]\nname='a'\n[[rung]]\nname='a'", "two rungs are called 'a'"),
        ("[[rung]]\nname='a'\nfrom='b'\n[[rung]]\nname='b'", "rung a needs 'b', which does not stand before it"),
        ("[[rung]]\nname='a'\nneeds=['z']", "there is no such rung"),
        ("[[rung]]\nname='a'\nfrom='best'\nweights='none'", "give one of them"),
        ("[[rung]]\nname='a'\nkind='soup'\nmodel='resnet18'", "model has no effect on a rung of kind soup"),
        ("[[rung]]\nname='a'\nseeds=0", "seeds = 0 is not a whole number of 1 or more"),
        ("[[rung]]\nname='a'\nkind='halving'\nkeep=2\ncandidates=[{name='b'}]", "leaves nothing to choose"),
    ],
)
def test_mistakes(text: str, told: str) -> None:
    message = ladder(text)
    assert message.startswith(("in the ladder mine.toml: ", "mine.toml is not TOML"))
    assert told in message


def test_an_unknown_ladder_names_the_known_ones() -> None:
    with pytest.raises(RecipeError, match=r"there are offline, quick, standard, vit.*Did you mean quick"):
        read_ladder("quik")


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("1.5h", 5400), ("1h30m", 5400)])
def test_times(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "soon", "-5m", "5 parsecs"])
def test_no_times(text: str) -> None:
    with pytest.raises(RecipeError, match="is not a time"):
        parse_time(text)


@pytest.mark.parametrize("name", ["quick", "standard", "vit", "offline"])
def test_shipped_ladders_have_recipes_and_known_models(name: str) -> None:
    """Every rung's recipe composes and its model is timm's; what it starts from another rung needs no model."""
    found = read_ladder(name)
    assert found.description == shipped_ladders()[name]
    trained = [one for rung in found.rungs for one in (rung, *rung.candidates) if one.kind == "train"]
    for one in trained:
        recipe = rung_recipe(one, found.settings, {}, seed=0)
        assert not one.model or timm.is_model(one.model) or one.model in NOT_YET, one.model
        assert recipe.preset == one.preset
