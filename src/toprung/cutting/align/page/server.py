"""Serve the page of ``toprung align --web`` on this computer, to this computer alone."""

from __future__ import annotations

import json
import webbrowser
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from toprung.cutting.align.page.pictures import jpeg
from toprung.cutting.align.page.session import Session
from toprung.errors import CutoutError, ToprungError
from toprung.version import __version__

_MOST_BYTES = 100_000  # of a request's body; 500 pairs take less
_FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/photo_view.js": ("photo_view.js", "text/javascript; charset=utf-8"),
    "/table.js": ("table.js", "text/javascript; charset=utf-8"),
    "/compare.js": ("compare.js", "text/javascript; charset=utf-8"),
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class _Refused(Exception):
    """A request that is not answered, with the status that says so."""

    def __init__(self, status: HTTPStatus, words: str) -> None:
        super().__init__(words)
        self.status = status


class PageServer(ThreadingHTTPServer):
    """Answers the page's requests, on 127.0.0.1.

    Args:
        session: what is shown.
        port: 0 takes a free one.

    Raises:
        CutoutError: the port is taken or not allowed.
    """

    daemon_threads = True

    def __init__(self, session: Session, port: int) -> None:
        self.session = session
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise CutoutError(
                f"cannot serve the page on port {port}: {error.strerror or error}; leave --port out."
            ) from error
        self.hosts = {f"{name}:{self.server_port}" for name in ("127.0.0.1", "localhost")}
        if self.server_port == 80:
            self.hosts |= {"127.0.0.1", "localhost"}

    @property
    def address(self) -> str:
        """Return the page's address."""
        return f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing when a browser closed the connection."""


def serve_page(
    plate: Path,
    photo: Path,
    points: Path | None,
    method: str,
    out: Path,
    port: int,
    start_browser: Callable[[str], Any] | None,
    say: Callable[[str], Any],
) -> None:
    """Serve the page until Ctrl-C.

    Args:
        plate: file of the plate.
        photo: file of the photo.
        points: CSV file of pairs to start from, None without.
        method: of the automatic alignment to start from.
        out: folder to save to.
        port: 0 takes a free one.
        start_browser: called with the address, None to open nothing.
        say: prints a line.

    Raises:
        UnreadableImage: a file is not a picture.
        CutoutError: the pairs, the method or the port cannot be used.
    """
    say("opening the photos and aligning them by themselves first …")
    session = Session(plate, photo, points, method, out)
    with PageServer(session, port) as server:
        say(f"the page is at {server.address} (Ctrl-C ends it); it saves to {out}")
        if start_browser is not None:
            start_browser(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("stopped")


open_browser: Callable[[str], Any] = partial(webbrowser.open, new=2)
"""Open an address in the user's browser."""


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    server_version = f"toprung/{__version__}"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        """Answer with a file of the page, a picture, or what the page begins with."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Answer a fit or a saving."""
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Print no line for each request."""

    def _answer(self, make: Callable[[], tuple[bytes, str]]) -> None:
        status = HTTPStatus.OK
        try:
            self._check_host()
            content, kind = make()
        except _Refused as refused:
            status, (content, kind) = refused.status, _json({"error": str(refused)})
            self.close_connection = True  # a body may be left unread
        except ToprungError as error:
            status, (content, kind) = HTTPStatus.UNPROCESSABLE_ENTITY, _json({"error": str(error)})
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def _check_host(self) -> None:
        """Refuse other names for this address, so that no page from elsewhere reads the photos by such a name."""
        if self.headers.get("Host", "").lower() not in self.server.hosts:
            raise _Refused(HTTPStatus.FORBIDDEN, "this page answers at 127.0.0.1 only")
        if self.headers.get("Sec-Fetch-Site") == "cross-site" and self.path != "/":  # a link to the page is fine
            raise _Refused(HTTPStatus.FORBIDDEN, "another site cannot ask for this")

    def _get(self) -> tuple[bytes, str]:
        address = urlsplit(self.path)
        session = self.server.session
        if address.path in _FILES:
            name, kind = _FILES[address.path]
            return (Path(__file__).parent / name).read_bytes(), kind
        if address.path == "/start":
            return _json(session.start())
        pictures = {"plate": session.plate, "photo": session.photo}
        _, _, which = address.path.partition("/picture/")
        if which not in pictures:
            raise _Refused(HTTPStatus.NOT_FOUND, "there is no such page")
        if not address.query:
            return jpeg(pictures[which].preview), "image/jpeg"
        try:
            left, top, width, height = (int(parse_qs(address.query)[name][0]) for name in ("x", "y", "w", "h"))
        except (KeyError, ValueError):
            raise _Refused(HTTPStatus.BAD_REQUEST, "give x, y, w and h as whole numbers") from None
        return jpeg(pictures[which].crop(left, top, width, height)), "image/jpeg"

    def _post(self) -> tuple[bytes, str]:
        makers = {"/fit": self.server.session.fit, "/save": self.server.session.save}
        if self.path not in makers:
            raise _Refused(HTTPStatus.NOT_FOUND, "there is no such page")
        return _json(makers[self.path](self._pairs()))

    def _pairs(self) -> Any:
        origin = self.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc.lower() not in self.server.hosts:
            raise _Refused(HTTPStatus.FORBIDDEN, "another site cannot ask for this")
        if self.headers.get_content_type() != "application/json":  # a form of another site cannot send this type
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send JSON")
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "say how long the body is") from None
        if not 0 <= length <= _MOST_BYTES:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"send at most {_MOST_BYTES} bytes")
        try:
            return json.loads(self.rfile.read(length))["pairs"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise _Refused(HTTPStatus.BAD_REQUEST, "send an object with a list of pairs") from None


def _json(content: dict[str, Any]) -> tuple[bytes, str]:
    return json.dumps(content, allow_nan=False).encode(), "application/json"
