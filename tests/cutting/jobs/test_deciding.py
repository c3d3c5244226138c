"""A person's decisions: applied, kept on repeating, taken to another folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cutting import stub_cutters
from toprung.cutting.batch import Tally, cut_photos, decide_photos, list_request
from toprung.cutting.jobs.deciding import decided
from toprung.cutting.jobs.request import Request
from toprung.cutting.jobs.reviewing import Resolver, note
from toprung.cutting.photo import open_photo
from toprung.cutting.review.choices import Choice, write_choices
from toprung.cutting.review.page import write_review
from toprung.cutting.review.strokes import Stroke, paint
from toprung.errors import CutoutError

SIZE = (30, 20)


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    values = np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)
    values[5:15, 10:20] = (0, 0, 0)
    (tmp_path / "shop").mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(values).save(tmp_path / "shop" / name)
    (tmp_path / "shop" / "broken.png").write_bytes(b"")
    return Request((tmp_path / "shop",), tmp_path / "out", jobs=1)


def run(request: Request) -> Tally:
    return cut_photos(request, list_request(request), cutter=stub_cutters.dark, noter=note, page=write_review)


def decide(request: Request, name: str, choice: Choice) -> None:
    """As the review's server does."""

    def serve(out: Path, resolve: Resolver) -> None:
        write_choices(out / "choices.json", {name: choice})
        resolve(name, *paint(choice.strokes, choice.size), choice.picked)

    decide_photos(request, list_request(request), cutter=stub_cutters.dark, noter=note, serve=serve)


def alpha(out: Path, name: str) -> np.ndarray:
    found = open_photo(out / f"{name}.png").alpha
    return np.ones((SIZE[1], SIZE[0]), np.float32) if found is None else found


def entry(out: Path, name: str) -> dict[str, object]:
    records = [json.loads(path.read_text()) for path in out.glob("review/*/entry.json")]
    return next(record for record in records if record["name"] == name)


def test_every_photo_has_an_entry_and_the_page_is_written(request_: Request) -> None:
    run(request_)
    assert (request_.out / "review.html").exists()
    assert entry(request_.out, "a")["files"] == ["a.png"]
    assert entry(request_.out, "broken")["status"] == "failed"


def test_a_picked_candidate_is_written_and_stays_on_repeating(request_: Request) -> None:
    run(request_)
    assert alpha(request_.out, "a").min() == 0
    assert entry(request_.out, "a")["chosen"] == "dark"
    decide(request_, "a", Choice("everything", SIZE))
    assert (alpha(request_.out, "a") == 1).all()
    assert entry(request_.out, "a")["chosen"] == "everything"
    tally = run(request_)
    assert tally.kept == 2  # all but the broken one
    row = next(row for row in tally.rows if row.file == "a.png")
    assert (row.status, row.reasons) == ("good", ("A person picked everything.",))
    assert row.expected_error == 0.3
    assert (alpha(request_.out, "a") == 1).all()
    decide(request_, "a", Choice(None, SIZE))
    assert alpha(request_.out, "a").min() == 0


def test_strokes_are_kept_by_other_options_too(request_: Request, tmp_path: Path) -> None:
    run(request_)
    stroke = Stroke("object", 2.0, ((3.0, 3.0), (3.0, 8.0)))
    decide(request_, "a", Choice(None, SIZE, (stroke,)))
    painted, _ = paint((stroke,), SIZE)
    assert painted.any()
    assert (alpha(request_.out, "a")[painted] == 1).all()
    assert entry(request_.out, "a")["chosen"] is None


def test_choices_of_another_folder(request_: Request, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    write_choices(file, {"b": Choice("everything", SIZE)})
    request = Request(request_.photos, request_.out, jobs=1, choices=file)
    run(request)
    assert (alpha(request.out, "b") == 1).all()
    assert alpha(request.out, "a").min() == 0
    write_choices(file, {"z": Choice("everything", SIZE)})
    with pytest.raises(CutoutError, match="holds no choice for any of the photos"):
        run(request)


def test_a_choice_for_another_size_or_candidate_is_an_error(request_: Request) -> None:
    cut = stub_cutters.dark(request_.photos[0] / "a.png")
    with pytest.raises(CutoutError, match=r"a\.png is for 5 x 5 pixels, not 30 x 20"):
        decided(cut, Choice(None, (5, 5)))
    with pytest.raises(CutoutError, match=r"no candidate 'drak'. Did you mean dark"):
        decided(cut, Choice("drak", SIZE))
    run(request_)
    with pytest.raises(CutoutError, match="no candidate 'nobody'"):
        decide(request_, "a", Choice("nobody", SIZE))


def test_only_photos_of_the_call_can_be_decided(request_: Request) -> None:
    run(request_)
    with pytest.raises(CutoutError, match="z is of an earlier call"):
        decide(request_, "z", Choice(None, SIZE))


def test_the_photo_a_person_is_at_is_cut_out_once(request_: Request, tmp_path: Path) -> None:
    run(request_)
    log = tmp_path / "log.txt"
    request = Request(request_.photos, request_.out, jobs=1, settings={"log": str(log)})

    def serve(out: Path, resolve: Resolver) -> None:
        for name in ("a", "a", "b", "a"):
            resolve(name, *paint((), SIZE), None)

    decide_photos(request, list_request(request), cutter=stub_cutters.logged, noter=note, serve=serve)
    assert log.read_text().split() == ["a.png", "b.png", "a.png"]
