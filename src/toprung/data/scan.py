"""Open every picture once before training: what cannot be read is known, with its reason, when nothing is lost yet."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from PIL.JpegImagePlugin import JpegImageFile

from toprung.data.looks import SIDE, Look, look_at
from toprung.data.pipeline import cores
from toprung.data.table import Table
from toprung.errors import UnreadableImage
from toprung.images.files import content_hash, decode_rgb, extension_fits, identify, read_content, upright_size

_LARGEST_TASK = 64  # pictures


@dataclass(frozen=True)
class PictureFacts:
    """What one file holds.

    Attributes:
        path: of the file, as the table names it.
        reason: why it cannot be read, ``None`` when it can.
        hash: content hash (BLAKE2b-128, hex), ``""`` when there are no bytes to read.
        format: as Pillow names it, such as ``"JPEG"``; ``""`` when it is no picture.
        mode: Pillow's mode, such as ``"RGBA"``: what stands in the file, before it is made RGB.
        width, height: in pixels, upright (after EXIF orientation).
        wrong_extension: the extension is that of another format. The content decides, so it does no harm.
        look: for finding near-duplicates; ``None`` when unreadable, or flat as a blank page.
    """

    path: Path
    reason: str | None = None
    hash: str = ""
    format: str = ""
    mode: str = ""
    width: int = 0
    height: int = 0
    wrong_extension: bool = False
    look: Look | None = None


def scan(
    table: Table, *, threads: int | None = None, progress: Callable[[int, int], None] | None = None
) -> list[PictureFacts]:
    """Open and decode every picture of a table.

    Args:
        table: as :func:`toprung.data.sources.read_source` gives it.
        threads: how many files are open at once, ``None`` for one per core; the decoders run in parallel.
        progress: called with done and total, from this thread.

    Returns:
        The facts, row by row; a file that cannot be read has a reason.
    """
    total = len(table)
    count = threads or cores()
    # A task is a few pictures: the bookkeeping of one each would take more memory than a million facts.
    size = max(1, min(_LARGEST_TASK, total // (32 * count)))
    tasks = [table.paths[start : start + size] for start in range(0, total, size)]
    stop = threading.Event()
    facts: list[PictureFacts] = []
    with _quiet_decoders(), ThreadPoolExecutor(count, thread_name_prefix="scan") as pool:
        futures = [pool.submit(_inspect_all, paths, stop) for paths in tasks]
        try:
            for future in futures:
                facts += future.result()
                if progress is not None:
                    progress(len(facts), total)
        except BaseException:  # Ctrl-C above all: each thread ends after the picture at hand
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return facts


def inspect(path: Path) -> PictureFacts:
    """Return the facts of one file; its bytes are read once."""
    facts = PictureFacts(path)
    try:
        content = read_content(path)
        facts = replace(facts, hash=content_hash(content))
        with identify(content) as image:
            width, height = upright_size(image)
            facts = replace(
                facts,
                format=image.format or "",
                mode=image.mode,
                width=width,
                height=height,
                wrong_extension=not extension_fits(path, image.format or ""),
            )
            if isinstance(image, JpegImageFile):
                # The decoder shrinks by 2, 4 or 8 as it goes. It still reads the file to its end, so a cut
                # one is still found.
                image.draft(None, (SIDE, SIDE))
            return replace(facts, look=look_at(decode_rgb(image)))
    except UnreadableImage as error:
        return replace(facts, reason=str(error))


def _inspect_all(paths: Sequence[Path], stop: threading.Event) -> list[PictureFacts]:
    facts = []
    for path in paths:
        if stop.is_set():
            break
        facts.append(inspect(path))
    return facts


@contextlib.contextmanager
def _quiet_decoders() -> Iterator[None]:
    """Keep Pillow's warnings off the terminal: what matters to the user becomes a reason.

    Filters belong to the process, so they are set once around all threads.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield
