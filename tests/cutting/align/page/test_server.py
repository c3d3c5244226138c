import http.client
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cutting.align.scenes import PLACES, on_photo, scene, write_scene
from toprung.cutting.align.page.server import PageServer
from toprung.cutting.align.page.session import Session
from toprung.errors import CutoutError

ROWS = np.hstack([PLACES, on_photo(PLACES)]).tolist()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    folder = tmp_path_factory.mktemp("page")
    with PageServer(Session(*write_scene(folder), None, "none", folder / "out"), 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def ask(
    server: PageServer, method: str, path: str, body: str | bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        reply = connection.getresponse()
        return reply.status, dict(reply.getheaders()), reply.read()
    finally:
        connection.close()


def post(server: PageServer, path: str, body: str, **headers: str) -> tuple[int, dict[str, object]]:
    status, _, content = ask(server, "POST", path, body, **{"Content_Type": "application/json", **headers})
    return status, json.loads(content)


@pytest.mark.parametrize("path", ["/", "/page.css", "/page.js", "/table.js", "/photo_view.js", "/compare.js"])
def test_the_page_is_whole_and_asks_no_other_place_for_anything(server: PageServer, path: str) -> None:
    status, headers, content = ask(server, "GET", path)
    assert status == 200
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert b"http://" not in content
    assert b"https://" not in content


def test_pictures_come_whole_and_cut_out(server: PageServer) -> None:
    _, headers, content = ask(server, "GET", "/picture/plate")
    assert headers["Content-Type"] == "image/jpeg"
    decoded = np.asarray(Image.open(io.BytesIO(content))) / 255
    assert np.abs(decoded - scene()[0]).mean() < 0.02
    crop = Image.open(io.BytesIO(ask(server, "GET", "/picture/photo?x=10&y=20&w=30&h=40")[2]))
    assert crop.size == (30, 40)


@pytest.mark.parametrize(
    "path",
    [
        "/../session.py", "/session.py", "/%2e%2e/session.py", "//etc/passwd", "/etc/passwd", "/picture/../page.html",
        "/picture/etc", "/picture//etc/passwd", "/page.html/..", "/__init__.py", "/page.css/", "/fit",
    ],
)  # fmt: skip
def test_no_other_file_is_served(server: PageServer, path: str) -> None:
    status, _, content = ask(server, "GET", path)
    assert status == 404
    assert json.loads(content) == {"error": "there is no such page"}


@pytest.mark.parametrize("query", ["x=1", "x=a&y=1&w=1&h=1", "x=1e9&y=0&w=1&h=1"])
def test_a_crop_that_cannot_be_understood_is_refused(server: PageServer, query: str) -> None:
    assert ask(server, "GET", f"/picture/plate?{query}")[0] == 400


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1", "127.0.0.1:1", "localhost.example.org", ""])
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/picture/photo"), ("POST", "/save")])
def test_other_names_for_this_computer_are_refused(server: PageServer, host: str, method: str, path: str) -> None:
    status, _, content = ask(server, method, path, "{}" if method == "POST" else None, Host=host)
    assert status == 403
    assert b"127.0.0.1 only" in content


def test_localhost_is_answered(server: PageServer) -> None:
    assert ask(server, "GET", "/start", Host=f"localhost:{server.server_port}")[0] == 200


def test_a_fit_is_answered(server: PageServer) -> None:
    status, told = post(server, "/fit", json.dumps({"pairs": ROWS}))
    assert status == 200
    assert told["model"] == "affine"


def test_another_site_cannot_ask(server: PageServer) -> None:
    body = json.dumps({"pairs": ROWS})
    assert post(server, "/save", body, Origin="https://example.org")[0] == 403
    assert post(server, "/save", body, Origin="null")[0] == 403
    assert ask(server, "GET", "/picture/photo", Sec_Fetch_Site="cross-site")[0] == 403
    assert ask(server, "GET", "/picture/photo", Sec_Fetch_Site="same-origin")[0] == 200
    assert ask(server, "GET", "/", Sec_Fetch_Site="cross-site")[0] == 200
    assert post(server, "/save", body, Content_Type="text/plain")[0] == 415
    assert post(server, "/fit", body, Origin=server.address.rstrip("/"))[0] == 200
    assert not server.session.out.exists()


def test_long_bodies_are_refused_unread(server: PageServer) -> None:
    status, told = post(server, "/fit", "", Content_Length="100001")
    assert status == 413
    assert told == {"error": "send at most 100000 bytes"}
    assert post(server, "/fit", "", Content_Length="-1")[0] == 413
    assert post(server, "/fit", "", Content_Length="x")[0] == 411


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", "7", "\x00", "[" * 50_000])
def test_what_is_no_json_of_pairs_is_refused(server: PageServer, body: str) -> None:
    assert post(server, "/fit", body)[0] == 400


@pytest.mark.parametrize("pairs", [[], [[1]], [[0, 0, 0, 999]], "x", [[True, "a", 0, 0]]])
def test_a_users_mistake_is_a_sentence(server: PageServer, pairs: object) -> None:
    status, told = post(server, "/fit", json.dumps({"pairs": pairs}))
    assert status == 422
    assert str(told["error"]).endswith((".", "?"))


def test_it_listens_on_this_computer_alone(server: PageServer) -> None:
    assert server.server_address[0] == "127.0.0.1"


def test_a_taken_port_is_told(server: PageServer) -> None:
    with pytest.raises(CutoutError, match=f"on port {server.server_port}: .*; leave --port out"):
        PageServer(server.session, server.server_port)


def test_every_file_of_the_page_is_served() -> None:
    from toprung.cutting.align.page import server as module

    folder = Path(module.__file__).parent
    there = {path.name for path in folder.iterdir() if path.suffix in {".html", ".css", ".js"}}
    assert there == {name for name, _ in module._FILES.values()}
