"""Many views of one picture, decoded and resized once for all of them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from toprung.data.eval_view import EvalView
from toprung.data.input_source import InputSource
from toprung.data.preprocessing import Preprocessing
from toprung.data.resample import MARGIN, Pixels, resize
from toprung.data.tile_inputs import PartOfPicture
from toprung.data.views import ROOM, PlannedView
from toprung.errors import UnreadableImage
from toprung.images.files import open_rgb
from toprung.images.scaled import open_scalable

Size = tuple[int, int]


def view_inputs(source: Any, plan: tuple[PlannedView, ...]) -> list[InputSource]:
    """Return a source of an input for each view of a picture, in the order of the plan.

    Args:
        source: a path, bytes, Pillow picture, array, or a part of a larger picture.
        plan: the views.
    """
    shared = _SharedViews(source, plan)
    return [_View(shared, view) for view in plan]


def cut_view(resized: Pixels, view: PlannedView, frame: EvalView) -> Pixels:
    """Cut a view out of the resized picture.

    Args:
        resized: ``(H', W', 3)`` uint8.
        view: which place of it, and whether mirrored.
        frame: that of the view's scale; gives the input's size, and the grey around a picture that is smaller.

    Returns:
        ``(H, W, 3)`` uint8 of the input's size.
    """
    pixels = frame.filled(resized)
    height, width = pixels.shape[:2]
    tall, wide = frame.size
    top, left = round((height - tall) / 2), round((width - wide) / 2)
    if view.place != "centre":
        vertical, horizontal = view.place.split("-")
        top, left = (0 if vertical == "top" else height - tall), (0 if horizontal == "left" else width - wide)
    cut = pixels[top : top + tall, left : left + wide]
    return cut[:, ::-1] if view.mirrored else cut


def framing(how: Preprocessing, view: PlannedView) -> EvalView:
    """Return the resizing of a view: the model's own, with its scale."""
    crop_pct = ROOM if view.roomy and how.crop_pct >= 1 else how.crop_pct
    return EvalView(replace(how, crop_pct=crop_pct / view.scale))


class _View(InputSource):
    def __init__(self, shared: _SharedViews, view: PlannedView) -> None:
        self._shared = shared
        self._view = view

    def input_for(self, how: Preprocessing) -> Pixels:
        frame, pixels = self._shared.resized(how, self._view)
        return cut_view(pixels, self._view, frame)


@dataclass
class _Resized:
    """The resized pictures of one preprocessing, and how many views still want one."""

    frames: dict[PlannedView, EvalView]
    pictures: dict[Size, Pixels]
    sizes: dict[PlannedView, Size]
    wanted: int


class _SharedViews:
    """Resizes a picture at the first view's asking, serves all views, and forgets the pixels after the last."""

    def __init__(self, source: Any, plan: tuple[PlannedView, ...]) -> None:
        self._source = source
        self._plan = plan
        self._lock = threading.Lock()
        self._made: dict[Preprocessing, _Resized] = {}
        self._failure: UnreadableImage | None = None

    def resized(self, how: Preprocessing, view: PlannedView) -> tuple[EvalView, Pixels]:
        with self._lock:  # decoded once: the other views of this picture wait, those of others do not
            made = self._made.get(how) or self._first(how)
            made.wanted -= 1
            if not made.wanted:
                del self._made[how]
        return made.frames[view], made.pictures[made.sizes[view]]

    def _first(self, how: Preprocessing) -> _Resized:
        if self._failure:  # told once per view, but not tried once per view
            raise self._failure
        try:
            made = self._made[how] = self._make(how)
        except UnreadableImage as error:
            self._failure = error
            raise
        return made

    def _make(self, how: Preprocessing) -> _Resized:
        if isinstance(self._source, PartOfPicture):
            return self._resize(self._source.pixels(how), self._source.framing(how))
        if not isinstance(self._source, Path):
            return self._resize(open_rgb(self._source, background=how.background), how)
        picture = open_scalable(self._source)
        sizes = [framing(how, view).resized_size(picture.height, picture.width) for view in self._plan]
        height, width = max(sizes)
        reduction = min(picture.height / height, picture.width / width) / MARGIN
        try:
            pixels = picture.pixels(most_reduction=reduction, background=how.background)
        except UnreadableImage as error:
            raise UnreadableImage(f"cannot read {self._source}: {error}.") from error
        return self._resize(pixels, how, full=(picture.height, picture.width))

    def _resize(self, pixels: Pixels, how: Preprocessing, full: Size | None = None) -> _Resized:
        frames = {view: framing(how, view) for view in self._plan}
        shape = full or (pixels.shape[0], pixels.shape[1])
        sizes = {view: frame.resized_size(*shape) for view, frame in frames.items()}
        pictures = {size: np.asarray(resize(pixels, *size, how.interpolation)) for size in set(sizes.values())}
        return _Resized(frames, pictures, sizes, len(self._plan))
