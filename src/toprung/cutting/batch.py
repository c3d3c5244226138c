"""Cut out many photos: on all cores, resumable, and every one accounted for in ``cutouts.csv``.

listing = list_request(request)                      which photos, and what was left out
tally = cut_photos(request, listing, cutter=cutout)  those that are not done; a line per photo in the journal
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from toprung.cutting.jobs.journal import Journal
from toprung.cutting.jobs.lock import holding
from toprung.cutting.jobs.one_photo import Cutter, Noter, Order, Outcome, cut_one
from toprung.cutting.jobs.photos import Listing, list_photos
from toprung.cutting.jobs.request import Request, orders_of
from toprung.cutting.jobs.resources import free_memory, most_pixels, usable_cores, workers_for
from toprung.cutting.jobs.resuming import is_done, leftovers, refuse_foreign, refuse_foreign_folder, refuse_own
from toprung.cutting.jobs.reviewing import Resolver
from toprung.cutting.jobs.row import Row, csv_of
from toprung.cutting.jobs.workers import Died, run_in_processes
from toprung.errors import CutoutError, ToprungError
from toprung.storage import write_bytes

CSV = "cutouts.csv"
_CSV_EVERY = 10.0  # seconds

Progress = Callable[[int, int], None]
"""Told of photos done and in all."""


class Stopped(ToprungError):
    """Ctrl-C; what is done stays done."""

    exit_code = 130


@dataclass(frozen=True)
class Tally:
    """How the photos of one call came out.

    Attributes:
        rows: theirs, in order.
        kept: how many were finished by an earlier call.
    """

    rows: tuple[Row, ...]
    kept: int

    @property
    def counts(self) -> Counter[str]:
        """How many have each status."""
        return Counter(row.status for row in self.rows)

    @property
    def exit_code(self) -> int:
        """0 when all are good or to check, 1 when some failed or could not be cut out."""
        return 1 if self.counts["failed"] or self.counts["error"] else 0


def list_request(request: Request) -> Listing:
    """List the photos of a request.

    Raises:
        CutoutError: a path does not exist, or there is no photo.
    """
    for path in request.photos:
        if path.is_dir() and request.out.exists() and path.samefile(request.out):
            raise CutoutError(f"the photos stand in {path}, where the cutouts would go; choose another --out.")
    others = [path for path in (request.plate, request.second, request.second_plate, request.trimap) if path]
    return list_photos(request.photos, recursive=request.recursive, others=others, out=request.out)


def cut_photos(
    request: Request,
    listing: Listing,
    *,
    cutter: Cutter,
    progress: Progress = lambda done, total: None,
    noter: Noter | None = None,
    page: Callable[[Path], object] = lambda out: None,
) -> Tally:
    """Cut out all photos of a request that are not done yet.

    A photo is done when it, its other pictures, the options, the version of toprung and the files written are as they
    were; one that gave an error is tried again. Photos of earlier calls stay in the CSV.

    Args:
        request: the request.
        listing: its photos.
        cutter: cuts out one photo: a function of a module.
        progress: told of photos done and in all.
        noter: keeps what a review shows: a function of a module.
        page: told the output folder in the end, also after Ctrl-C, to write the review's page.

    Raises:
        CutoutError: a file is in the way or was changed by hand, a plate is missing, another job is at work.
        StorageError: full disk, or no permission.
        Stopped: Ctrl-C.
    """
    refuse_foreign_folder(request.out, CSV)
    with holding(request.out), Journal(request.out) as journal:
        refuse_own(listing.photos, request.out, journal.records)
        orders = orders_of(request, listing.photos, journal.records, cutter, noter)
        waiting = [order for order in orders if not is_done(order, journal.records.get(order.key))]
        refuse_foreign(waiting, journal.records)
        for leftover in leftovers(waiting):
            leftover.unlink(missing_ok=True)
        kept = len(orders) - len(waiting)
        progress(kept, len(orders))
        try:
            _work(waiting, request, journal, lambda done: progress(kept + done, len(orders)))
        except KeyboardInterrupt:
            done = sum(order.key in journal.records and journal.records[order.key].row is not None for order in orders)
            raise Stopped(f"stopped with {done} of {len(orders)} photos done; repeat the command to go on.") from None
        finally:
            _write_csv(request.out, journal)
            page(request.out)
        rows = [journal.records[order.key].row for order in orders]
        return Tally(tuple(row for row in rows if row is not None), kept)


def decide_photos(
    request: Request, listing: Listing, *, cutter: Cutter, noter: Noter, serve: Callable[[Path, Resolver], object]
) -> None:
    """Let a person decide about photos that are cut out; each is solved anew with the decision.

    Args:
        request: the request, as it was cut out.
        listing: its photos.
        cutter: cuts out one photo.
        noter: keeps what the review shows.
        serve: shows the review until it is told to end, with what solves anew.

    Raises:
        CutoutError: the folder has no review, or another job is at work.
        StorageError: full disk, or no permission.
    """
    with holding(request.out), Journal(request.out) as journal:
        orders = orders_of(request, listing.photos, journal.records, cutter, noter)
        try:
            serve(request.out, Resolver(request.out, {order.stem: order for order in orders}, journal))
        finally:
            _write_csv(request.out, journal)


def _work(orders: Sequence[Order], request: Request, journal: Journal, progress: Callable[[int], None]) -> None:
    """Do what is left, and note each photo as it is begun and done."""
    if not orders:
        return
    cores = usable_cores()
    largest = most_pixels(path for order in orders for path in order.inputs[:1])
    jobs = request.jobs or workers_for(largest, len(orders), cores=cores, free=free_memory())
    done, written = 0, time.monotonic()
    results = run_in_processes(cut_one, orders, jobs=jobs, threads=max(1, cores // jobs))
    try:
        for order, result in results:
            if result is None:
                journal.begin(order.key, order.stem, order.style.names(order.stem))
                continue
            outcome = _buried(order, result) if isinstance(result, Died) else result
            journal.finish(order.key, outcome.row, order.depends_on, outcome.inputs, outcome.files)
            done += 1
            progress(done)
            if time.monotonic() - written > _CSV_EVERY:
                _write_csv(request.out, journal)
                written = time.monotonic()
    finally:
        results.close()


def _buried(order: Order, died: Died) -> Outcome:
    code = died.code or 0
    cause = "the system ended it, mostly for want of memory" if code == -9 else f"exit code {code}"
    reason = f"the process that cut out {order.photo} died ({cause}); use fewer --jobs, or make the photo smaller."
    if order.noter is not None:
        order.noter(order.out, order.stem, reason, ())
    return Outcome(order.failed(reason))


def _write_csv(out: Path, journal: Journal) -> None:
    rows = [record.row for record in journal.records.values() if record.row is not None]
    journal.save()
    write_bytes(out / CSV, csv_of(sorted(rows, key=lambda row: row.photo)))
