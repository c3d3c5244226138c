"""Folders of pictures: one folder per class, or train/val/test folders of class folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from toprung.data.rows import Row, plain, some, split_of
from toprung.errors import DataError
from toprung.images.files import PICTURE_EXTENSIONS

# Pictures that cannot be read here are listed all the same: the scan then says so, where skipping them by
# name would lose a phone's photos without a word.
_LISTED = PICTURE_EXTENSIONS | {".heic", ".heif", ".jxl"}
_IGNORED = {
    "thumbs.db",
    "desktop.ini",
    "__macosx",
    "@eadir",
}  # made by Windows, macOS and Synology, not by users
_LAYOUT = "expected PATH/<class>/<picture>, or PATH/train/<class>/<picture> with val and test beside train"


def pictures_below(folder: Path) -> list[Path]:
    """Return all pictures in a folder and its subfolders, sorted; hidden and system files are ignored.

    A file counts as a picture by its extension, in any case. Links to folders are followed, each folder once.

    Raises:
        DataError: a folder cannot be listed.
    """
    found: list[Path] = []
    entered: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        raise DataError(f"cannot list the folder {error.filename}: {error.strerror}; change its rights.")

    for parent, folders, files in os.walk(folder, followlinks=True, onerror=refuse):
        place = Path(parent).stat()
        if (place.st_dev, place.st_ino) in entered:
            folders.clear()  # a link back to a folder above would go round for ever
            continue
        entered.add((place.st_dev, place.st_ino))
        folders[:] = [name for name in folders if not _ignored(name)]
        found += [Path(parent, name) for name in files if _is_picture(name)]
    return sorted(found)


def rows_of_folder(root: Path) -> list[Row]:
    """List a folder of class folders, or of split folders when it has a train folder with class folders in it.

    Files at any depth below a class folder belong to that class. A folder named train that holds pictures
    itself, beside other class folders, is a class: trains are things one takes pictures of.

    Args:
        root: absolute path of the folder.

    Raises:
        DataError: no pictures, pictures outside class folders, an empty class folder, a folder beside train
            that is no split, two folders for one split, or a val or test that is the same as another split.
    """
    folders = _subfolders(root)
    splits = {folder: split for folder in folders if (split := split_of(folder.name)) is not None}
    train = next((folder for folder, split in splits.items() if split == "train"), None)
    if train is not None and (len(splits) == len(folders) or not _loose(train)):
        return _rows_of_splits(root, splits, [folder for folder in folders if folder not in splits])
    if splits and len(splits) == len(folders):
        raise DataError(f"{root} has {some([f.name for f in folders])} but no train folder; {_LAYOUT}.")
    return _rows_of_classes(root, "")


def _rows_of_splits(root: Path, splits: dict[Path, str], others: Sequence[Path]) -> list[Row]:
    for other in others:
        if pictures_below(other):
            raise DataError(
                f"{other} holds pictures but stands beside train and is neither val nor test; rename it or "
                "move it elsewhere."
            )
    _refuse_loose(root)
    folders: dict[str, Path] = {}
    for folder, split in splits.items():
        if split in folders:
            raise DataError(f"{folders[split]} and {folder} both mean the split {split}; keep one of them.")
        folders[split] = folder
    _refuse_same_folders(folders)
    rows = {split: _rows_of_classes(folder, split) for split, folder in folders.items()}
    _refuse_same_files(rows)
    return [row for split in rows for row in rows[split]]


def _rows_of_classes(root: Path, split: str) -> list[Row]:
    folders = _subfolders(root)
    if not folders:
        loose = _loose(root)
        if not loose:
            raise DataError(f"{root} holds no pictures; {_LAYOUT}.")
        unlabelled = " (pictures without labels: `toprung predict`)" if split else ""
        raise DataError(
            f"{root} holds {len(loose)} loose pictures without class folders, first {loose[0].name}; "
            f"{_LAYOUT}{unlabelled}."
        )
    _refuse_loose(root)
    pictures = {folder: pictures_below(folder) for folder in folders}
    empty = [folder for folder in folders if not pictures[folder]]
    if len(empty) == len(folders):
        raise DataError(f"{root} holds no pictures, only {some([f.name for f in folders])}; {_LAYOUT}.")
    if empty:
        raise DataError(
            f"the class folder {empty[0]} holds no pictures{_contents(empty[0])}; add some or remove the folder."
        )
    if len(folders) == 1 and not split and len(_subfolders(folders[0])) > 1:
        raise DataError(f"{root} has one class folder only, {folders[0].name!r}; did you mean {folders[0]}?")
    return [Row(path, plain(folder.name), split) for folder in folders for path in pictures[folder]]


def _refuse_loose(root: Path) -> None:
    loose = _loose(root)
    if loose:
        raise DataError(
            f"{root} holds pictures beside its folders ({some([p.name for p in loose])}); move them into a "
            f"class folder or elsewhere; {_LAYOUT}."
        )


def _refuse_same_folders(folders: dict[str, Path]) -> None:
    real: dict[Path, Path] = {}
    for folder in folders.values():
        place = folder.resolve()
        if place in real:
            raise DataError(
                f"{real[place]} and {folder} are the same folder, so a score on one would mean nothing for "
                "the other; give different pictures."
            )
        real[place] = folder


def _refuse_same_files(rows: dict[str, list[Row]]) -> None:
    """Refuse a val or test whose every picture is a link to one of another split."""
    places = {split: {_place(row.path) for row in listed} for split, listed in rows.items()}
    for split in ("val", "test"):
        for other in ("train", "val"):
            if other != split and split in places and other in places and places[split] <= places[other]:
                raise DataError(
                    f"every picture of {split} is a picture of {other} too (links to the same files), so its "
                    "score would mean nothing; give different pictures."
                )


def _place(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return path  # a broken link; the scan tells
    return (status.st_dev, status.st_ino)


def _subfolders(root: Path) -> list[Path]:
    return sorted(entry for entry in _entries(root) if entry.is_dir())


def _loose(root: Path) -> list[Path]:
    return sorted(entry for entry in _entries(root) if _is_picture(entry.name) and not entry.is_dir())


def _entries(root: Path) -> Iterable[Path]:
    try:
        return [entry for entry in root.iterdir() if not _ignored(entry.name)]
    except OSError as error:
        raise DataError(f"cannot list the folder {root}: {error.strerror}; change its rights.") from error


def _contents(folder: Path) -> str:
    """Return what stands in a folder without pictures, for a message."""
    extensions = sorted({path.suffix.lower() or path.name for path in folder.rglob("*") if path.is_file()})
    return f" (only {some(extensions)} files)" if extensions else ""


def _ignored(name: str) -> bool:
    return name.startswith(".") or name.lower() in _IGNORED


def _is_picture(name: str) -> bool:
    return not _ignored(name) and os.path.splitext(name)[1].lower() in _LISTED  # noqa: PTH122 - 4x faster
