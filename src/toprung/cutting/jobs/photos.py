"""Which photos a job cuts out: files and folders -> a list, with a remark for everything that was left out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from toprung.errors import CutoutError, nearest
from toprung.images.files import PICTURE_EXTENSIONS


@dataclass(frozen=True)
class Found:
    """A photo.

    Attributes:
        path: as given, or below the given folder.
        relative: the path below the given folder; the file's name for one that was named itself.
    """

    path: Path
    relative: Path

    @property
    def key(self) -> str:
        """The absolute path: what a job knows the photo by."""
        return absolute(self.path)


@dataclass(frozen=True)
class Listing:
    """All photos.

    Attributes:
        photos: in order, each file once.
        remarks: sentences on what was left out and why.
    """

    photos: tuple[Found, ...]
    remarks: tuple[str, ...]


def absolute(path: Path) -> str:
    """Return an absolute path with links as they are."""
    return os.path.abspath(path)  # noqa: PTH100 - resolve() would replace links by their targets


def list_photos(given: Iterable[Path], *, recursive: bool, others: Collection[Path], out: Path) -> Listing:
    """List photos.

    A file that is named counts whatever its extension; in folders the extension decides, and names that begin with a
    dot do not count. The job's other pictures (plates, second photos, trimaps) and its output folder are left out of
    folders, so that they may stand among the photos.

    Args:
        given: files and folders.
        recursive: whether folders' subfolders count too.
        others: files and folders that are the job's but are no photos.
        out: the output folder.

    Raises:
        CutoutError: a path does not exist, or no photo is found.
    """
    given = list(given)
    found: dict[str, Found] = {}
    seen = _Seen()
    taken = {absolute(path) for path in others}
    closed = {absolute(path) for path in (*others, out) if not path.is_file()} - {absolute(path) for path in given}
    for path in given:
        if not path.exists():
            raise CutoutError(f"{path} does not exist; give photos or folders of them.{_near(path)}")
        if not path.is_dir():
            photo = Found(path, Path(path.name))
            found.setdefault(photo.key, photo)
            continue
        for file in _files(path, recursive=recursive, closed=closed, seen=seen):
            photo = Found(file, file.relative_to(path))
            if photo.key in taken:
                seen.others += 1
            elif file.suffix.lower() in PICTURE_EXTENSIONS:
                found.setdefault(photo.key, photo)
            else:
                seen.extensions[file.suffix.lower() or "no extension"] += 1
    remarks = seen.remarks()
    if not found:
        named = ", ".join(map(str, given)) or "an empty list"
        raise CutoutError(f"no photos in {named}; give photos or folders of them.{''.join(f' ({r})' for r in remarks)}")
    return Listing(tuple(sorted(found.values(), key=lambda photo: photo.path)), remarks)


class _Seen:
    """What was left out."""

    def __init__(self) -> None:
        self.extensions: Counter[str] = Counter()
        self.subfolders: list[Path] = []
        self.unreadable: list[Path] = []
        self.others = 0

    def remarks(self) -> tuple[str, ...]:
        remarks = []
        if self.extensions:
            kinds = ", ".join(f"{count} {extension}" for extension, count in sorted(self.extensions.items()))
            remarks.append(f"{self.extensions.total()} files are no pictures by their extension: {kinds}.")
        if self.subfolders:
            names = f"{self.subfolders[0]}{' and others' if len(self.subfolders) > 1 else ''}"
            remarks.append(f"{len(self.subfolders)} subfolders were left out ({names}); --recursive takes them.")
        if self.others:
            remarks.append(
                f"{self.others} pictures are not cut out because they were given as plate, second or trimap."
            )
        if self.unreadable:
            names = ", ".join(map(str, self.unreadable[:3]))
            remarks.append(f"{len(self.unreadable)} folders could not be read: {names}.")
        return tuple(remarks)


def _files(folder: Path, *, recursive: bool, closed: Collection[str], seen: _Seen) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        seen.unreadable.append(Path(error.filename or folder))

    for place, folders, files in os.walk(folder, onerror=fail):
        below = [name for name in folders if not name.startswith(".") and absolute(Path(place, name)) not in closed]
        folders[:] = sorted(below) if recursive else []
        if not recursive:
            seen.subfolders += [Path(place, name) for name in sorted(below)]
        yield from (Path(place, name) for name in sorted(files) if not name.startswith("."))


def _near(path: Path) -> str:
    try:
        return nearest(path.name, [sibling.name for sibling in Path(absolute(path)).parent.iterdir()], 1)
    except OSError:
        return ""
