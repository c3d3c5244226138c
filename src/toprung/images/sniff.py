"""Say in words what bytes seem to be when they are no picture that can be read here."""

from __future__ import annotations

import re

_HEAD = 4096  # bytes looked at; every signature below stands well before that

# signature at offset 0 -> what such a file is
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"8BPS", "a Photoshop document; export it as PNG or JPEG"),
    (b"%!PS", "a PostScript document"),
    (b"\xff\x0a", "a JPEG XL picture, which is not supported; convert it to PNG or JPEG"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture, which is not supported; convert it to PNG or JPEG"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"SQLite format 3", "a SQLite database"),
    (b"\x93NUMPY", "a NumPy array; save it as a picture"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\0\0\0\1Bud1", "a macOS .DS_Store file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
)

# signature at offset 0 -> picture format whose header was recognised but could not be read
_PICTURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8", "JPEG"),
    (b"\x89PNG", "PNG"),
    (b"GIF8", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
)

_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}

_TEXTS: tuple[tuple[str, str], ...] = (  # how a text starts, in small letters -> what it is
    (
        r"version https://git-lfs",
        "it seems to be a Git LFS pointer, not the picture itself; fetch it with `git lfs pull`",
    ),
    (
        r"<!doctype html|<html|<head|<body",
        "it seems to be an HTML page, as saved by a failed download; download the picture again",
    ),
    (
        r"(<\?xml[^>]*>\s*)?(<!--.*?-->\s*|<!doctype svg[^>]*>\s*)*<svg",
        "it seems to be an SVG drawing; export it as PNG",
    ),
    (r"<\?xml", "it seems to be XML text, as of a server's error; download the picture again"),
    (r"[{\[]", "it seems to be JSON text"),
)


def describe(content: bytes) -> str:
    """Return why these bytes are no readable picture, as a clause such as "it seems to be JSON text".

    Args:
        content: the bytes of a file that no picture reader recognised; at least one byte.
    """
    head = content[:_HEAD]
    if not head.strip(b"\0"):
        return "its bytes are all zero, as after an interrupted copy; copy it again"
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return f"it seems to be {name}"
    damaged = next((name for signature, name in _PICTURES if head.startswith(signature)), "")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        damaged = "WebP"
    if damaged:
        return f"its {damaged} header is damaged or cut off; copy the file again"
    return _media(head) or _text(head) or "its content is no picture format known here"


def _media(head: bytes) -> str:
    """Return what kind of RIFF or ISO media file this is, or "" when it is none."""
    if head[:4] == b"RIFF":
        return "it seems to be a RIFF sound or video"
    if head[4:8] != b"ftyp":
        return ""
    brands = {head[8:12], *(head[i : i + 4] for i in range(16, min(64, len(head)), 4))}
    if brands & {b"avif", b"avis"}:
        return "its AVIF header is damaged or cut off; copy the file again"
    if brands & _HEIF:
        return "it seems to be a HEIC picture, as phones make, which is not supported; convert it to JPEG"
    return "it seems to be an MP4 or QuickTime video"


def _text(head: bytes) -> str:
    """Return what kind of text this is, or "" when it is none."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "it seems to be a UTF-16 text"
    try:
        # A longer file is cut at _HEAD, perhaps inside a character.
        text = head.decode("utf-8", errors="strict" if len(head) < _HEAD else "ignore")
    except UnicodeDecodeError:
        return ""
    if any(character < " " and character not in "\t\r\n\f" for character in text):
        return ""
    start = text.lstrip("\ufeff \t\r\n").lower()
    kinds = (kind for pattern, kind in _TEXTS if re.match(pattern, start, re.DOTALL))
    return next(kinds, "it seems to be text")
