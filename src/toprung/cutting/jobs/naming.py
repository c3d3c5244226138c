"""What the cutout of each photo is called: two photos of the same name do not collide, and names stay on resuming."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

from toprung.cutting.jobs.photos import Found


def name_cutouts(
    photos: Sequence[Found], kept: Mapping[str, str], files_of: Callable[[str], Iterable[str]]
) -> dict[str, str]:
    """Return photo's key -> stem of its files, a relative path with ``/`` and without extension.

    A photo of a folder keeps its subfolders. Where that name is taken, whether by an earlier photo of the list, by one
    of an earlier call, or but for capitals, the photo's extension, then its folder, then a number is added.

    Args:
        photos: in order.
        kept: stems by key that earlier calls gave, to these photos and others; they stay.
        files_of: the files that a stem may give.
    """
    taken = {file.casefold() for stem in kept.values() for file in files_of(stem)}
    names = {}
    for photo in photos:
        if photo.key in kept:
            names[photo.key] = kept[photo.key]
            continue
        for stem in _proposals(photo):
            files = {file.casefold() for file in files_of(stem)}
            if not files & taken:
                break
        names[photo.key] = stem
        taken |= files
    return names


def _proposals(photo: Found) -> Iterator[str]:
    folder, stem = photo.relative.parent, photo.relative.stem
    extension = photo.relative.suffix[1:].lower()
    above = Path(photo.key).parent.name or "root"
    names = [stem, f"{stem}-{extension}", f"{above}-{stem}", f"{above}-{stem}-{extension}"]
    for name in names:
        yield (folder / name).as_posix()
    for number in count(2):
        yield (folder / f"{stem}-{number}").as_posix()
