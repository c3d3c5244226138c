"""Check a zip archive's directory before a reader trusts it: nothing may expand to much more than the file holds."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

from toprung.checkpoints.formats.showing import shown
from toprung.errors import WeightsError

_EXPANSION = 4  # times the size of the file, where weights hardly shrink at all
_SLACK = 1 << 24
_LOCAL_HEADER = 30
_ENCRYPTED = 1
_END, _LOCATOR, _END_64 = 22, 20, 56  # bytes of the records behind the directory


def checked_directory(file: Path, expansion: int = _EXPANSION) -> list[zipfile.ZipInfo]:
    """Return the entries of a zip archive.

    Args:
        file: the archive.
        expansion: how many times the file's size its parts may take unpacked.

    Raises:
        WeightsError: cut off, damaged, encrypted, or entries that declare far more bytes than the file has.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except PermissionError:
        raise
    except Exception as error:  # zipfile raises almost anything for a damaged directory
        raise WeightsError(
            f"{file} is cut off or damaged: it begins as a zip archive and its directory, which stands at the end, "
            "is missing or unreadable; fetch it again."
        ) from error
    size = file.stat().st_size
    declared = sum(entry.file_size for entry in entries)
    if declared > expansion * size + _SLACK:
        raise WeightsError(f"{file} has {size:,} bytes and would expand to {declared:,}; toprung does not unpack it.")
    for entry in entries:
        if entry.flag_bits & _ENCRYPTED:
            raise WeightsError(f"{file} is an encrypted archive; decrypt it first.")
        if entry.header_offset < 0 or entry.header_offset + entry.compress_size > size:
            raise WeightsError(
                f"{file} is damaged: its part '{shown(entry.filename)}' lies outside of the file; fetch it again."
            )
    return entries


def refuse_ambiguous(file: Path, entries: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse an archive in which torch's reader would find other parts than the ones that were looked at.

    It takes capital letters for small ones, and the directory from where the archive's end says, whereas Python takes
    the one before the end.

    Raises:
        WeightsError: two parts that differ in capitals only, or a directory that is not where it says.
    """
    names = {entry.filename.lower() for entry in entries}
    if len(names) < len(entries) or not _directory_is_where_it_says(file):
        raise WeightsError(f"{file} is damaged or hostile: its directory can be read in two ways; fetch it again.")


def _directory_is_where_it_says(file: Path) -> bool:
    size = file.stat().st_size
    with file.open("rb") as opened:
        opened.seek(max(0, size - _END - _LOCATOR - _END_64))
        end_64, locator, end = opened.read(_END_64), opened.read(_LOCATOR), opened.read(_END)
        if not end.startswith(b"PK\x05\x06"):
            return False  # with a comment, which torch does not write
        place, length = _number(end, 16, 4), _number(end, 12, 4)
        behind = size - _END
        if locator.startswith(b"PK\x06\x07"):
            behind = size - _END - _LOCATOR - _END_64
            if _number(locator, 8, 8) != behind or not end_64.startswith(b"PK\x06\x06"):
                return False
            place, length = _number(end_64, 48, 8), _number(end_64, 40, 8)
    return place + length == behind


def _number(content: bytes, start: int, length: int) -> int:
    return int.from_bytes(content[start : start + length], "little")


def is_stored(entries: Sequence[zipfile.ZipInfo]) -> bool:
    """Say whether no entry is compressed, so that the file can be mapped into memory."""
    return all(
        entry.compress_type == zipfile.ZIP_STORED and entry.file_size == entry.compress_size for entry in entries
    )


def span(file: Path, entry: zipfile.ZipInfo) -> tuple[int, int]:
    """Return where the bytes of an uncompressed entry begin and end in the file.

    Raises:
        WeightsError: they lie outside of the file.
    """
    with file.open("rb") as opened:
        opened.seek(entry.header_offset)
        header = opened.read(_LOCAL_HEADER)
    names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    start = entry.header_offset + _LOCAL_HEADER + names
    if not header.startswith(b"PK\x03\x04") or start + entry.file_size > file.stat().st_size:
        raise WeightsError(
            f"{file} is damaged: its part '{shown(entry.filename)}' lies outside of the file; fetch it again."
        )
    return start, start + entry.file_size


def read_entry(file: Path, entry: zipfile.ZipInfo) -> bytes:
    """Return the bytes of an entry; of a stored one without its checksum, which torch can leave out.

    Raises:
        WeightsError: damaged.
    """
    if is_stored([entry]):
        start, end = span(file, entry)
        with file.open("rb") as opened:
            opened.seek(start)
            return opened.read(end - start)
    try:
        with zipfile.ZipFile(file) as archive, archive.open(entry) as part:
            content = part.read(entry.file_size + 1)
    except Exception as error:  # damaged compression makes zlib, lzma and zipfile raise almost anything
        raise WeightsError(f"{file} is damaged in its part '{shown(entry.filename)}'; fetch it again.") from error
    if len(content) > entry.file_size:
        raise WeightsError(
            f"{file} is damaged: its part '{shown(entry.filename)}' is longer than declared; fetch it again."
        )
    return content
