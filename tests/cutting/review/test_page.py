import json
import re

import numpy as np
import pytest
from PIL import Image

from tests.cutting.review.made_up import HEIGHT, HOSTILE, TRUTH, WIDTH, entries, entry, photo
from toprung.cutting.review.choices import Choice, write_choices
from toprung.cutting.review.entry import FailedEntry, identifier
from toprung.cutting.review.page import write_review
from toprung.cutting.review.pictures import CANDIDATE_SIDE, SIDE, write_entry
from toprung.cutting.review.records import read_records
from toprung.cutting.scene import Verdict
from toprung.errors import CutoutError


def page_data(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text())[1])


def test_the_worst_verdict_comes_first(tmp_path):
    names = [record["name"] for record in page_data(write_review(tmp_path, entries()))["records"]]
    assert names[:2] == ["broken.jpg", "tape roll.jpg"]
    assert set(names[2:-1]) == set(HOSTILE)
    assert names[-1] == "fine.jpg"


def test_pictures_lie_beside_the_page_and_show_the_cutout(tmp_path):
    page = write_review(tmp_path, [entry(alpha=TRUTH)])
    (record,) = page_data(page)["records"]
    place = tmp_path / "review" / record["id"]
    files = {*record["pictures"].values(), *(c["picture"] for c in record["candidates"]), "entry.json"}
    assert files == {file.name for file in place.iterdir()}
    assert "base64" not in page.read_text().replace("sha256", "")
    cutout = np.asarray(Image.open(place / "cutout.webp").convert("RGBA")) / 255
    assert cutout.shape == (HEIGHT, WIDTH, 4)
    assert np.abs(cutout[..., 3] - TRUTH).max() < 0.005  # alpha is kept exactly, colours nearly
    assert np.abs(cutout[..., :3] - photo())[TRUTH == 1].mean() < 0.02
    assert record["place"] == [60, 40, 40, 40]
    assert record["expected_error"] == 0.07


def test_large_photos_are_reduced_without_a_halo(tmp_path):
    height, width = 1000, 2000
    columns = np.indices((height, width))[1]
    alpha = (columns % 7 < 3).astype(np.float32)
    colours = np.where(alpha[..., None] > 0, np.array([1.0, 0.5, 0.0]), np.array([0.0, 0.0, 1.0])).astype(np.float32)
    one = entry()
    candidates = (type(one.candidates[0])("c", alpha, colours),)
    big = type(one)("big", colours, alpha, colours, candidates, one.verdict, alpha)
    record = write_entry(tmp_path, big)
    place = tmp_path / "review" / record["id"]
    with Image.open(place / "cutout.webp") as cutout, Image.open(place / "candidate-1.webp") as candidate:
        assert max(cutout.size) == SIDE
        assert max(candidate.size) == CANDIDATE_SIDE
        values = np.asarray(cutout.convert("RGBA"), np.float32) / 255
    shown = values[..., 3] > 0.3
    assert np.abs(values[..., :3] - [1, 0.5, 0])[shown].mean() < 0.05  # no blue of the removed ground
    assert record["size"] == [width, height]


def test_a_second_writing_counts_a_revision_and_replaces(tmp_path):
    assert write_entry(tmp_path, entry())["revision"] == 0
    assert write_entry(tmp_path, entry(status="good"))["revision"] == 1
    assert [record["status"] for record in read_records(tmp_path)] == ["good"]


def test_damaged_records_are_left_out(tmp_path):
    write_review(tmp_path, entries())
    count = len(read_records(tmp_path))
    for name, content in {"a": "{", "b": "[]", "c": '{"format": 1, "name": "x", "status": "odd", "id": "c"}'}.items():
        (tmp_path / "review" / name).mkdir()
        (tmp_path / "review" / name / "entry.json").write_text(content)
    assert len(read_records(tmp_path)) == count


def test_no_name_reaches_an_address_or_the_markup(tmp_path):
    html = write_review(tmp_path / '<b>"folder" & #1', entries()).read_text()
    assert "<script>window.broken" not in html
    assert "<img src=x" not in html
    assert "<b>" not in html
    for name in HOSTILE:
        assert re.fullmatch(r"[a-z0-9-]{1,57}", identifier(name))
    assert len({identifier(name) for name in HOSTILE}) == len(HOSTILE)
    assert identifier("a.jpg") != identifier("A.jpg")  # they are one folder on some systems, were they not


def test_not_finite_numbers_are_written_as_null(tmp_path):
    one = entry()
    verdict = Verdict("failed", float("nan"), (0.0, float("inf")), (), None, {"x": float("nan")})
    record = write_entry(tmp_path, type(one)(one.name, one.photo, one.alpha, one.foreground, (), verdict))
    assert (record["expected_error"], record["interval"], record["measures"]) == (None, [0.0, None], {"x": None})
    assert "disagreement" not in record["pictures"]
    page_data(write_review(tmp_path, [FailedEntry("b", "reason")]))


def test_choices_of_the_folder_stand_on_the_page(tmp_path):
    write_choices(tmp_path / "choices.json", {"tape roll.jpg": Choice("grabcut", (WIDTH, HEIGHT))})
    assert page_data(write_review(tmp_path, entries()))["choices"]["tape roll.jpg"]["picked"] == "grabcut"
    (tmp_path / "choices.json").write_text("{")
    with pytest.raises(CutoutError, match=r"choices\.json is no JSON"):
        write_review(tmp_path)


def test_the_page_of_a_thousand_photos_is_small(tmp_path):
    write_entry(tmp_path, entry())
    record = read_records(tmp_path)[0]
    from toprung.cutting.review.page import render

    html = render("many", [record | {"name": f"{n}.jpg"} for n in range(1000)], {})
    assert len(html) < 1_200_000
