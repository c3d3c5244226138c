import http.client
import json
import threading

import numpy as np
import pytest

from tests.cutting.review.made_up import HEIGHT, HOSTILE, WIDTH, Resolver, entries
from toprung.cutting.review.choices import read_choices
from toprung.cutting.review.entry import identifier
from toprung.cutting.review.page import write_review
from toprung.cutting.review.serve import MOST_BYTES, ReviewServer, serve_review
from toprung.errors import CutoutError

DAB = {"kind": "background", "radius": 4, "points": [[80, 60]]}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "out"
    write_review(folder, entries())
    (folder / "secret.html").write_text("not for the page")
    (folder / ".hidden.json.partial").write_text("not for the page")
    (folder.parent / "outside.json").write_text("{}")
    (folder / "link.json").symlink_to(folder.parent / "outside.json")
    (folder / "50% #2 what?.jpg.cut.png").write_bytes(b"png")
    return folder


@pytest.fixture
def server(written):
    (written / "choices.json").unlink(missing_ok=True)
    with ReviewServer(written, Resolver(written)) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def ask(server, method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        names = {"Content-Type": "application/json"} | names
    connection.request(method, path, body, names)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content, answer.headers


def decide(server, name="tape roll.jpg", picked=None, strokes=(), size=(WIDTH, HEIGHT), **headers):
    body = json.dumps({"name": name, "picked": picked, "size": size, "strokes": strokes})
    status, content, _ = ask(server, "POST", "/api/choice", body, **headers)
    return status, json.loads(content)


def test_page_pictures_and_state(server):
    assert server.server_address[0] == "127.0.0.1"
    status, page, headers = ask(server, "GET", "/")
    assert status == 200
    assert b"review of cutouts" in page
    assert headers["X-Content-Type-Options"] == "nosniff"
    picture = f"/review/{identifier('tape roll.jpg')}/cutout.webp?v=3"
    assert ask(server, "GET", picture)[1][8:12] == b"WEBP"
    assert ask(server, "GET", "/50%25%20%232%20what%3F.jpg.cut.png")[:2] == (200, b"png")
    assert json.loads(ask(server, "GET", "/api/state")[1]) == {"server": "toprung review", "choices": {}}


@pytest.mark.parametrize(
    "path",
    [
        "/../outside.json",
        "/..%2foutside.json",
        "/review/../../outside.json",
        "//etc/passwd",
        "/%2fetc%2fhostname",
        "/link.json",
        "/secret.html",
        "/.hidden.json.partial",
        "/review/",
        "/nothing.png",
        "/%00.png",
        "/" + "a" * 5000 + ".png",
    ],
)
def test_only_the_folder_s_own_pictures_are_handed_out(server, path):
    status, content, _ = ask(server, "GET", path)
    assert status == 404
    assert json.loads(content) == {"error": "there is no such file"}


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Host": "127.0.0.1"}, {"Origin": "http://evil.example"}, {"Origin": "null"}]
)
def test_other_hosts_and_origins_get_nothing(server, headers):
    assert ask(server, "GET", "/", **headers)[0] == 403
    assert decide(server, **headers)[0] == 403
    assert not server.choices_file.exists()


def test_bodies_are_bounded_and_json(server):
    assert ask(server, "POST", "/api/choice", "{}", Content_Type="text/plain")[0] == 415
    assert ask(server, "POST", "/api/choice", "x" * 10, Content_Length=str(MOST_BYTES + 1))[0] == 413
    assert ask(server, "POST", "/api/choice", "", Content_Length="9" * 40)[0] == 413
    assert ask(server, "POST", "/api/choice", "", Content_Length="-1")[0] == 411
    assert ask(server, "POST", "/api/choice", "{")[0] == 400
    assert ask(server, "POST", "/api/choice", "[" * 100_000)[0] == 400
    assert ask(server, "POST", "/api/other", "{}")[0] == 404
    assert ask(server, "PUT", "/api/choice", "{}")[0] == 501


def test_a_pick_and_a_dab_are_saved_and_solved(server):
    status, answer = decide(server, picked="grabcut", strokes=[DAB])
    assert status == 200
    assert answer["record"]["status"] == "good"
    assert answer["record"]["revision"] >= 1
    name, certain_object, certain_background, picked = server.deciding._resolve.calls[-1]
    assert (name, picked) == ("tape roll.jpg", "grabcut")
    assert certain_object.shape == certain_background.shape == (HEIGHT, WIDTH)
    assert certain_background.dtype == np.bool_
    assert certain_background[60, 80]
    assert certain_background.sum() == pytest.approx(np.pi * 16, abs=4)
    assert not certain_object.any()
    saved = read_choices(server.choices_file)["tape roll.jpg"]
    assert (saved.picked, saved.size, len(saved.strokes)) == ("grabcut", (WIDTH, HEIGHT), 1)
    assert '"picked":"grabcut"' in (server.folder / "review.html").read_text()  # the plain file is true as well
    decide(server)
    assert read_choices(server.choices_file) == {}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(server, name):
    assert decide(server, name, picked="grabcut")[0] == 200
    assert read_choices(server.choices_file)[name].picked == "grabcut"


@pytest.mark.parametrize(
    ("decision", "message"),
    [
        ({"name": "other.jpg"}, "there is no photo 'other.jpg'"),
        ({"picked": "magic"}, "has no candidate 'magic': pick one of plate difference, grabcut"),
        ({"size": (9, 9)}, r"has [160, 120] pixels, not [9, 9]"),
        ({"name": "broken.jpg"}, "has no cutout to change: cannot read broken.jpg"),
        ({"strokes": [DAB | {"radius": -1}]}, "radius is -1"),
    ],
)
def test_decisions_that_do_not_fit_are_refused_and_not_saved(server, decision, message):
    status, answer = decide(server, **decision)
    assert status == 422
    assert message in answer["error"]
    assert not server.choices_file.exists()


def test_when_solving_breaks_off_the_choice_is_kept_and_the_server_goes_on(server):
    resolver = server.deciding._resolve
    resolver.error = ValueError("odd")
    status, answer = decide(server, picked="grabcut")
    assert status == 500
    assert answer["error"] == "saved, but re-solving broke off: ValueError('odd')"
    resolver.error = CutoutError("tape roll.jpg is gone: put it back.")
    assert decide(server, picked="grabcut") == (422, {"error": "tape roll.jpg is gone: put it back."})
    resolver.error = None
    assert decide(server, strokes=[DAB])[0] == 200
    assert "tape roll.jpg" in read_choices(server.choices_file)


def test_a_folder_without_a_review_and_a_taken_port(tmp_path, server):
    with pytest.raises(CutoutError, match="holds no review: write one with toprung cutout"):
        ReviewServer(tmp_path, Resolver(tmp_path))
    with pytest.raises(CutoutError, match="choose another with --port"):
        ReviewServer(server.folder, Resolver(tmp_path), port=server.server_address[1])
    with pytest.raises(CutoutError, match="choose another with --port"):
        ReviewServer(server.folder, Resolver(tmp_path), port=70000)


def test_serving_ends_with_ctrl_c(written):
    said = []

    def press_ctrl_c(url):
        said.append(url)
        raise KeyboardInterrupt

    serve_review(written, Resolver(written), show=press_ctrl_c, say=said.append)
    assert said[2] == "the review is closed; all choices are saved"
    assert said[0].startswith(f"the review is open at {said[1]}")
