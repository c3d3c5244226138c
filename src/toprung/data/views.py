"""Views of one picture at test time: mirrored, cut at other places, larger and smaller. Each kind is a function here.

A kind takes the views so far and returns those that it makes of them, so that kinds multiply: flip after five-crop are
ten views. This file imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from toprung.errors import RecipeError, nearest

Place = Literal["centre", "top-left", "top-right", "bottom-left", "bottom-right"]
PLACES: tuple[Place, ...] = ("top-left", "top-right", "bottom-left", "bottom-right", "centre")
SCALES = (0.9, 1.0, 1.15)
ROOM = 0.875  # crop_pct where corners are wanted of a model that crops nothing away


@dataclass(frozen=True)
class PlannedView:
    """One way to look at a picture; the default is the way of plain prediction.

    Attributes:
        scale: factor of the resized picture's sides, before the crop; the input keeps the model's size.
        place: which part of the resized picture is cut out.
        roomy: resize by ``crop_pct`` 0.875 where the model's is 1, so that corners differ from the centre.
        mirrored: left and right are exchanged.
    """

    scale: float = 1.0
    place: Place = "centre"
    roomy: bool = False
    mirrored: bool = False


Plan = tuple[PlannedView, ...]
PLAIN: Plan = (PlannedView(),)

_KINDS: dict[str, Callable[[Plan], Plan]] = {}


def register(kind: Callable[[Plan], Plan]) -> Callable[[Plan], Plan]:
    """Make a kind of views known by its function's name, underscores as dashes."""
    _KINDS[kind.__name__.replace("_", "-")] = kind
    return kind


def view_kinds() -> dict[str, str]:
    """Return the name of each kind, with the first line of its docstring."""
    return {name: (kind.__doc__ or "").splitlines()[0] for name, kind in _KINDS.items()}


def plan_views(names: Sequence[str]) -> Plan:
    """Return the views that the kinds make together, without repetition; none gives plain prediction's.

    Args:
        names: kinds of views, in the order in which they are applied.

    Raises:
        RecipeError: an unknown kind.
    """
    plan = PLAIN
    for name in names:
        if name not in _KINDS:
            known = ", ".join(_KINDS)
            raise RecipeError(f"there are no views {name!r}; there are {known}.{nearest(name, _KINDS, 1)}")
        plan = tuple(dict.fromkeys(_KINDS[name](plan)))
    return plan


@register
def flip(views: Plan) -> Plan:
    """The picture and its mirror image, left and right exchanged."""
    return views + tuple(replace(view, mirrored=not view.mirrored) for view in views)


@register
def five_crop(views: Plan) -> Plan:
    """The four corners and the centre of the resized picture.

    It is resized as for plain prediction; where the model crops nothing away (``crop_pct`` 1) by 0.875 instead.
    """
    return tuple(replace(view, place=place, roomy=True) for view in views for place in PLACES)


@register
def ten_crop(views: Plan) -> Plan:
    """The five crops and their mirror images."""
    return flip(five_crop(views))


@register
def scales(views: Plan) -> Plan:
    """The centre of the picture resized by 0.9, 1 and 1.15 of the usual; the input keeps the model's size.

    So it suits models of a fixed input size too. Where the smaller picture does not fill the input, grey is laid
    around it.
    """
    return tuple(replace(view, scale=view.scale * factor) for view in views for factor in SCALES)
