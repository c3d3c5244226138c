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
from toprung.cutting.review.choices import FILE as SAVED_CHOICES
from toprung.cutting.review.choices import Choice, read_choices
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
        files: files that ``settings`` name (a model): the result depends on their content.
        choices: what a person decided; None for those that the review saved in ``out``, if any.
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
    choices: Path | None = None
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
    options, choices = options_of(request), choices_of(request)
    if request.choices is not None and not choices.keys() & set(stems.values()):
        raise CutoutError(f"{request.choices} holds no choice for any of the photos; give that of the same photos.")
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
            options=options,
            settings=request.settings,
            choice=choices.get(stems[photo.key]),
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


def choices_of(request: Request) -> dict[str, Choice]:
    """Return what a person decided, by the stem of the photo's files.

    Raises:
        CutoutError: the file is missing or damaged.
    """
    saved = request.out / SAVED_CHOICES
    if request.choices is None and not saved.exists():
        return {}
    return read_choices(request.choices or saved)
