"""The review's local server: shows one output folder, saves choices, and has each re-solved as it is made.

It listens on 127.0.0.1 only, answers only requests that name it as their host (a page elsewhere that points its own
name at 127.0.0.1 gets nothing), takes decisions only as JSON from its own page, bounds what it reads, and hands out
only pictures and the few other files of the folder that the page needs.
"""

from __future__ import annotations

import json
import urllib.parse
import webbrowser
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from toprung.cutting.review.deciding import Deciding
from toprung.cutting.review.page import FILE
from toprung.errors import CutoutError, ToprungError

Resolve: TypeAlias = Callable[[str, NDArray[np.bool_], NDArray[np.bool_], "str | None"], None]
"""``resolve(entry_name, certain_object, certain_background, picked)``: solve one entry anew and write its pictures with
:func:`toprung.cutting.review.pictures.write_entry`. Masks ``(H, W)`` bool in the photo's pixels; ``picked`` names a
candidate, None stands for the automatic choice. Called for one entry at a time."""

MOST_BYTES = 16 * 1024 * 1024  # of one decision
_PATIENCE = 30.0  # seconds for a request to come in
_TYPES = {
    ".webp": "image/webp",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
}


def serve_review(
    folder: Path,
    resolve: Resolve,
    *,
    port: int = 0,
    show: Callable[[str], object] = webbrowser.open,
    say: Callable[[str], object] = print,
) -> None:
    """Serve a folder's review until Ctrl-C.

    Args:
        folder: that ``toprung cutout --out`` wrote.
        resolve: solves one entry anew.
        port: of 127.0.0.1, 0 for any that is free.
        show: opens the address in a browser.
        say: prints a line.

    Raises:
        CutoutError: the folder has no review, its choices are damaged, or the port is taken.
    """
    with ReviewServer(folder, resolve, port=port) as server:
        say(f"the review is open at {server.url} until you press Ctrl-C; choices go to {server.choices_file}")
        try:
            show(server.url)
            server.serve_forever()
        except KeyboardInterrupt:
            say("the review is closed; all choices are saved")


class ReviewServer(ThreadingHTTPServer):
    """The server of one folder's review.

    Args:
        folder: that ``toprung cutout --out`` wrote.
        resolve: solves one entry anew.
        port: of 127.0.0.1, 0 for any that is free.

    Raises:
        CutoutError: the folder has no review, its choices are damaged, or the port is taken.
    """

    daemon_threads = True
    request_queue_size = 64  # a page asks for many pictures at once

    def __init__(self, folder: Path, resolve: Resolve, *, port: int = 0) -> None:
        self.folder = Path(folder).resolve()
        self.deciding = Deciding(self.folder, resolve)
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except (OSError, OverflowError) as error:
            raise CutoutError(f"cannot listen on port {port}: {error}; choose another with --port.") from None

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://127.0.0.1:{self.server_address[1]}/"

    @property
    def choices_file(self) -> Path:
        """Where decisions are saved."""
        return self.deciding.file

    @property
    def hosts(self) -> frozenset[str]:
        """The names under which requests are answered."""
        return frozenset(f"{name}:{self.server_address[1]}" for name in ("127.0.0.1", "localhost"))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a connection that broke off: the browser closed the page."""


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    server_version, sys_version = "toprung", ""
    timeout = _PATIENCE

    def do_GET(self) -> None:
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path, errors="surrogateescape")
        if not self._from_here():
            self._refuse(HTTPStatus.FORBIDDEN, "this server answers only its own page")
        elif path in {"/", f"/{FILE}"}:
            self._send(self.server.deciding.page().encode(), "text/html; charset=utf-8")
        elif path == "/api/state":
            self._send_json({"server": "toprung review", "choices": self.server.deciding.to_json()})
        else:
            self._send_file(path)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not self._from_here():
            self._refuse(HTTPStatus.FORBIDDEN, "this server answers only its own page")
        elif self.path != "/api/choice":
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such address")
        elif self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a decision is sent as application/json")
        elif not length.isascii() or not length.isdigit():
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "a decision is sent with its Content-Length")
        elif len(length) > 12 or int(length) > MOST_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a decision has at most {MOST_BYTES >> 20} MB")
        else:
            self._decide(self.rfile.read(int(length)))

    def _decide(self, body: bytes) -> None:
        try:
            decision = json.loads(body)
        except (ValueError, RecursionError):
            self._refuse(HTTPStatus.BAD_REQUEST, "the decision is no JSON")
            return
        try:
            self._send_json({"record": self.server.deciding.decide(decision)})
        except ToprungError as error:
            self._refuse(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        except Exception as error:  # the page must hear of it, the server goes on for the other photos
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, f"saved, but re-solving broke off: {error!r}")

    def _from_here(self) -> bool:
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        return host in self.server.hosts and (origin is None or origin == f"http://{host}")

    def _send_file(self, path: str) -> None:
        root = self.server.folder
        try:
            file = (root / path.lstrip("/")).resolve()
            kind = _TYPES.get(file.suffix.lower())
            allowed = kind is not None and file.is_relative_to(root) and file.is_file()
            content = file.read_bytes() if allowed else None
        except (OSError, ValueError):  # a NUL, a name too long, a loop of links
            kind, content = None, None
        if content is None or kind is None:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such file")
        else:
            self._send(content, kind)

    def _send_json(self, content: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(json.dumps(content).encode(), "application/json", status)

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        self.close_connection = True  # what is left of the body is not read
        self._send_json({"error": reason}, status)

    def _send(self, content: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(content)), "Cache-Control": "no-store"}
        headers |= {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the terminal quiet."""
