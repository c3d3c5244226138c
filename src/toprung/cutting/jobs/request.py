"""What a user asks for, and what each photo needs for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toprung.cutting.jobs.journal import Record, print_of
from toprung.cutting.jobs.naming import name_cutouts
from toprung.cutting.jobs.one_photo import Cutter, Noter, Order
from toprung.cutting.jobs.partners import partners
from toprung.cutting.jobs.photos import Found
from toprung.cutting.writing import Style
from toprung.errors import CutoutError
from toprung.images.files import content_hash
from toprung.version import __version__

_KINDS = {"plate": "plate", "second": "second photo", "trimap": "trimap"}


@dataclass(frozen=True)
class Request:
    """What a user asks for.

    Attributes:
        photos: files and folders.
        out: the output folder.
        plate, second, trimap: a file for all photos, or a folder with files of the photos' names.
        second_plate: a file for all.
        style: how cutouts are written.
        settings: further keywords of the cutter, JSON values; what the result depends on.
        files: files that ``settings`` name (a model, choices): the result depends on their content.
        recursive: whether subfolders count.
        jobs: processes, None to take what cores and memory allow.
    """

    photos: tuple[Path, ...]
    out: Path
    plate: Path | None = None
    second: Path | None = None
    second_plate: Path | None = None
    trimap: Path | None = None
    style: Style = field(default_factory=Style)
    settings: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    recursive: bool = False
    jobs: int | None = None


def orders_of(
    request: Request, photos: Sequence[Found], records: Mapping[str, Record], cutter: Cutter, noter: Noter | None
) -> list[Order]:
    """Find what each photo needs.

    Raises:
        CutoutError: no photo has its plate, second photo or trimap; some without are errors of those photos.
    """
    stems = name_cutouts(photos, {key: record.stem for key, record in records.items()}, request.style.names)
    given = {"plate": request.plate, "second": request.second, "trimap": request.trimap}
    finders = {name: partners(path, _KINDS[name]) for name, path in given.items() if path is not None}
    if request.second_plate is not None and not request.second_plate.is_file():
        raise CutoutError(f"the second plate {request.second_plate} is no file; give a picture.")
    orders = []
    for photo in photos:
        found: dict[str, Path] = {}
        problem = ""
        for name, finder in finders.items():
            try:
                found[name] = finder(photo)
            except CutoutError as error:
                problem = problem or str(error)
        order = Order(
            photo.key,
            photo.path,
            request.out,
            stems[photo.key],
            request.style,
            cutter,
            **found,
            second_plate=request.second_plate,
            problem=problem,
            settings=request.settings,
            noter=noter,
        )
        orders.append(order)
    if all(order.problem for order in orders):
        raise CutoutError(orders[0].problem)
    return orders


def options_of(request: Request) -> str:
    """Return a hash of all that every photo depends on.

    Raises:
        CutoutError: a file that the settings name cannot be read.
    """
    style = request.style
    try:
        contents = [print_of(path).content for path in request.files]
    except OSError as error:
        raise CutoutError(f"cannot read {error.filename}: {error.strerror}; give another file.") from None
    paints = [[paint.name, *paint.rgb] for paint in style.paints]
    values = [__version__, style.format, style.margin, paints, dict(request.settings), contents]
    return content_hash(json.dumps(values, sort_keys=True, default=str).encode("utf-8"))
