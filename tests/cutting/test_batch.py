"""A folder of photos: every one accounted for, resumed, nothing written over."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cutting import stub_cutters
from toprung.cutting.batch import Tally, cut_photos, list_request
from toprung.cutting.jobs.lock import holding
from toprung.cutting.jobs.one_photo import Cutter
from toprung.cutting.jobs.request import Request
from toprung.cutting.output.paint import parse_paint
from toprung.cutting.writing import Style
from toprung.errors import CutoutError, StorageError


def picture(path: Path, level: int = 90, size: tuple[int, int] = (9, 7)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size[1], size[0], 3), level, np.uint8)).save(path)
    return path


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for number, name in enumerate(("a.png", "b.jpg", "c-check.png", "sub/a.png")):
        picture(tmp_path / "shop" / name, 20 * number)
    return tmp_path / "shop"


def run(request: Request, cutter: Cutter = stub_cutters.dark, **options: object) -> Tally:
    return cut_photos(request, list_request(request), cutter=cutter, **options)  # type: ignore[arg-type]


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "cutouts.csv").open(newline="") as file:
        return {row["photo"]: row for row in csv.DictReader(file)}


@pytest.fixture
def request_of(shop: Path, tmp_path: Path) -> Callable[..., Request]:
    def build(**values: object) -> Request:
        values = {"photos": (shop,), "out": tmp_path / "out", "jobs": 1} | values
        return Request(**values)  # type: ignore[arg-type]

    return build


def test_a_folder_with_its_subfolders(shop: Path, request_of: Callable[..., Request]) -> None:
    request = request_of(recursive=True, jobs=2)
    calls: list[tuple[int, int]] = []
    tally = run(request, progress=lambda done, total: calls.append((done, total)))
    assert tally.counts == {"good": 3, "check": 1}
    assert tally.exit_code == 0
    assert calls == [(number, 4) for number in range(5)]
    found = rows(request.out)
    assert {name: row["file"] for name, row in found.items()} == {
        str(shop / "a.png"): "a.png",
        str(shop / "b.jpg"): "b.png",
        str(shop / "c-check.png"): "c-check.png",
        str(shop / "sub" / "a.png"): "sub/a.png",
    }
    row = found[str(shop / "a.png")]
    assert list(row) == [
        *("photo", "plate", "status", "expected_error", "interval_low", "interval_high", "reasons", "file", "seconds")
    ]
    assert (row["status"], row["plate"]) == ("good", "")
    assert (row["expected_error"], row["interval_low"], row["interval_high"]) == ("0.010000", "0.005000", "0.020000")
    for row in found.values():
        with Image.open(request.out / row["file"]) as image:
            assert image.mode == "RGBA"


def test_errors_stand_in_the_csv_and_cost_nothing_else(shop: Path, request_of: Callable[..., Request]) -> None:
    (shop / "broken.jpg").write_bytes(b"\xff\xd8 cut")
    picture(shop / "d-failed.png")
    tally = run(request_of())
    assert tally.counts == {"good": 2, "check": 1, "failed": 1, "error": 1}
    assert tally.exit_code == 1
    broken = rows(request_of().out)[str(shop / "broken.jpg")]
    assert broken["status"] == "error"
    assert "damaged or cut off" in broken["reasons"]
    assert broken["file"] == broken["expected_error"] == ""


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bug", "broke off (ZeroDivisionError: oh)"),
        ("memory", "more memory than there is"),
        ("kill", "for want of memory"),
        ("exit", "exit code 7"),
    ],
)
def test_whatever_happens_to_one_photo_the_others_are_cut_out(
    shop: Path, request_of: Callable[..., Request], name: str, reason: str
) -> None:
    picture(shop / f"a-{name}.png")
    tally = run(request_of(), stub_cutters.clumsy)
    assert tally.counts == {"good": 2, "check": 1, "error": 1}
    assert reason in rows(request_of().out)[str(shop / f"a-{name}.png")]["reasons"]


class TestResuming:
    @pytest.fixture
    def called(self, tmp_path: Path) -> Callable[[Request], list[str]]:
        """Return which photos a call really cuts out."""
        log = tmp_path / "log.txt"

        def call(request: Request) -> list[str]:
            log.write_text("")
            run(replace(request, settings=dict(request.settings) | {"log": str(log)}), stub_cutters.logged)
            return log.read_text().split()

        return call

    def test_what_is_done_is_not_done_again(
        self, shop: Path, request_of: Callable[..., Request], called: Callable[[Request], list[str]]
    ) -> None:
        assert called(request_of()) == ["a.png", "b.jpg", "c-check.png"]
        before = (request_of().out / "cutouts.csv").read_bytes()
        assert called(request_of()) == []
        assert (request_of().out / "cutouts.csv").read_bytes() == before
        os.utime(shop / "a.png")
        assert called(request_of()) == []
        picture(shop / "b.jpg", 200)
        picture(shop / "new.png")
        assert called(request_of()) == ["b.jpg", "new.png"]

    def test_other_options_do_all_again(
        self, request_of: Callable[..., Request], called: Callable[[Request], list[str]]
    ) -> None:
        called(request_of())
        for style in (Style("webp", 3), Style("webp", 3, (parse_paint("red"),)), Style("png")):
            assert len(called(request_of(style=style))) == 3
        assert called(request_of(style=Style("png"))) == []
        assert len(called(request_of(style=Style("png"), settings={"methods": "other"}))) == 3

    def test_a_file_that_the_settings_name_counts_by_its_content(
        self, request_of: Callable[..., Request], called: Callable[[Request], list[str]], tmp_path: Path
    ) -> None:
        model = tmp_path / "model.onnx"
        model.write_text("1")
        assert len(called(request_of(files=(model,)))) == 3
        assert called(request_of(files=(model,))) == []
        model.write_text("2")
        assert len(called(request_of(files=(model,)))) == 3

    def test_another_plate_does_again(
        self, request_of: Callable[..., Request], called: Callable[[Request], list[str]], tmp_path: Path
    ) -> None:
        plate = picture(tmp_path / "plate.png")
        called(request_of())
        assert len(called(request_of(plate=plate))) == 3
        assert called(request_of(plate=plate)) == []
        picture(plate, 91)
        assert len(called(request_of(plate=plate))) == 3

    def test_missing_cutouts_are_made_again(
        self, request_of: Callable[..., Request], called: Callable[[Request], list[str]]
    ) -> None:
        called(request_of())
        (request_of().out / "b.png").unlink()
        assert called(request_of()) == ["b.jpg"]

    def test_errors_are_tried_again(
        self, shop: Path, request_of: Callable[..., Request], called: Callable[[Request], list[str]]
    ) -> None:
        (shop / "late.png").write_bytes(b"")
        called(request_of())
        assert called(request_of()) == ["late.png"]
        picture(shop / "late.png")
        assert called(request_of()) == ["late.png"]
        assert called(request_of()) == []

    def test_a_line_cut_short_costs_one_photo(
        self, request_of: Callable[..., Request], called: Callable[[Request], list[str]]
    ) -> None:
        called(request_of())
        journal = request_of().out / "cutouts.jsonl"
        journal.write_bytes(journal.read_bytes()[:-9])
        assert called(request_of()) == ["c-check.png"]
        assert called(request_of()) == []

    def test_a_damaged_journal_is_refused(self, request_of: Callable[..., Request]) -> None:
        run(request_of())
        (request_of().out / "cutouts.jsonl").write_text('{"done": 5}\n')
        with pytest.raises(StorageError, match="damaged"):
            run(request_of())

    def test_another_folder_of_photos_is_added_to_the_csv(
        self, request_of: Callable[..., Request], tmp_path: Path
    ) -> None:
        run(request_of())
        other = picture(tmp_path / "other" / "a.png")
        tally = run(request_of(photos=(other,)))
        assert len(tally.rows) == 1
        assert len(rows(request_of().out)) == 4
        assert rows(request_of().out)[str(other)]["file"] == "a-png.png"
        assert tally.rows[0].file == "a-png.png"


KILLED = """
import sys
from pathlib import Path
from tests.cutting import stub_cutters
from toprung.cutting.batch import cut_photos, list_request
from toprung.cutting.jobs.request import Request
if __name__ == "__main__":
    request = Request((Path(sys.argv[1]),), Path(sys.argv[2]), jobs=2)
    cut_photos(request, list_request(request), cutter=stub_cutters.slow)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
def test_killed_in_between_it_goes_on(tmp_path: Path, how: signal.Signals) -> None:
    for number in range(12):
        picture(tmp_path / "shop" / f"{number:02}.png", 10 * number)
    script, out = tmp_path / "script.py", tmp_path / "out"
    script.write_text(textwrap.dedent(KILLED))
    here = dict(os.environ) | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, script, tmp_path / "shop", out]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=here)
    until = time.monotonic() + 60
    while len(list(out.glob("*.png"))) < 3 and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(how)
    _, told = process.communicate(timeout=60)
    if how == signal.SIGINT:
        assert "photos done; repeat the command to go on." in told
        assert (out / "cutouts.csv").exists()
    time.sleep(0.5)  # a worker that lost its parent ends its photo
    done = len(list(out.glob("[0-9]*.png")))
    assert 3 <= done < 12
    (out / ".05.png.abcdefgh.partial").write_text("left by a killed worker")
    request = Request((tmp_path / "shop",), out, jobs=1)
    tally = run(request)
    assert tally.counts == {"good": 12}
    assert tally.kept >= done - 3
    assert len(rows(out)) == 12
    assert not list(out.glob("*.partial"))
    assert not list(out.glob(".*.partial"))


class TestNothingIsWrittenOver:
    def test_a_file_that_was_there(self, request_of: Callable[..., Request]) -> None:
        out = request_of().out
        out.mkdir()
        (out / "b.png").write_text("mine")
        with pytest.raises(CutoutError, match=r"b\.png exists already"):
            run(request_of())
        assert (out / "b.png").read_text() == "mine"
        assert not list(out.glob("a*"))

    def test_a_csv_that_was_there(self, request_of: Callable[..., Request]) -> None:
        out = request_of().out
        out.mkdir()
        (out / "cutouts.csv").write_text("mine")
        with pytest.raises(CutoutError, match=r"cutouts\.csv was not written"):
            run(request_of())
        assert (out / "cutouts.csv").read_text() == "mine"

    def test_a_cutout_that_was_retouched_since(self, request_of: Callable[..., Request]) -> None:
        run(request_of())
        path = request_of().out / "b.png"
        path.write_bytes(path.read_bytes() + b"retouched")
        with pytest.raises(CutoutError, match=r"b\.png was changed since"):
            run(request_of(style=Style("png", 2)))
        assert path.read_bytes().endswith(b"retouched")

    def test_the_photos(self, shop: Path, request_of: Callable[..., Request]) -> None:
        before = {path: path.read_bytes() for path in shop.rglob("*.*")}
        with pytest.raises(CutoutError, match="the photos stand in"):
            run(request_of(out=shop))
        with pytest.raises(CutoutError, match="exists already"):
            run(request_of(photos=(shop / "a.png",), out=shop))
        assert {path: path.read_bytes() for path in before} == before

    def test_cutouts_are_not_cut_out(self, request_of: Callable[..., Request]) -> None:
        run(request_of())
        with pytest.raises(CutoutError, match=r"a\.png is a cutout"):
            run(request_of(photos=(request_of().out / "a.png",)))

    def test_a_folder_at_work(self, request_of: Callable[..., Request]) -> None:
        with holding(request_of().out), pytest.raises(CutoutError, match="another job is at work"):
            run(request_of())


def test_the_output_folder_among_the_photos_is_not_cut_out(shop: Path, request_of: Callable[..., Request]) -> None:
    request = request_of(out=shop / "cutouts", recursive=True)
    assert len(run(request).rows) == 4
    again = run(request)
    assert (len(again.rows), again.kept) == (4, 4)


def test_plates_by_name_and_one_that_is_missing(shop: Path, request_of: Callable[..., Request], tmp_path: Path) -> None:
    for name in ("a.jpg", "sub/a.png", "c-check.png"):
        picture(tmp_path / "plates" / name)
    tally = run(request_of(plate=tmp_path / "plates", recursive=True))
    found = rows(request_of().out)
    assert tally.counts == {"good": 2, "check": 1, "error": 1}
    assert found[str(shop / "a.png")]["plate"] == str(tmp_path / "plates" / "a.jpg")
    assert found[str(shop / "sub" / "a.png")]["plate"] == str(tmp_path / "plates" / "sub" / "a.png")
    assert "there is no plate for" in found[str(shop / "b.jpg")]["reasons"]


def test_no_plate_for_any_photo_is_a_mistake(request_of: Callable[..., Request], tmp_path: Path) -> None:
    picture(tmp_path / "plates" / "z.png")
    with pytest.raises(CutoutError, match="there is no plate for"):
        run(request_of(plate=tmp_path / "plates"))


def test_seconds_and_trimaps_reach_the_cutter(shop: Path, request_of: Callable[..., Request], tmp_path: Path) -> None:
    second, trimap = picture(tmp_path / "second.png"), picture(tmp_path / "trimaps" / "a.png")
    request = request_of(
        photos=(shop / "a.png",), second=second, trimap=trimap.parent, settings={"methods": ["grabcut"]}
    )
    reasons = run(request).rows[0].reasons
    assert reasons == (f"trimap {trimap}.", f"second {second}.", "methods ['grabcut'].")


def test_what_a_review_keeps_is_told(shop: Path, request_of: Callable[..., Request]) -> None:
    (shop / "z.png").write_bytes(b"")
    run(request_of(), noter=stub_cutters.remember)
    notes = request_of().out / "notes"
    assert (notes / "a.txt").read_text() == "good ('a.png',)"
    assert "it is empty" in (notes / "z.txt").read_text()


def test_composites_are_written_beside(shop: Path, request_of: Callable[..., Request]) -> None:
    run(request_of(photos=(shop / "a.png",), style=Style("webp", None, (parse_paint("white"),))))
    assert {path.name for path in request_of().out.glob("a*")} == {"a.webp", "a.on-white.webp"}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_that_are_no_utf8(shop: Path, request_of: Callable[..., Request]) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    picture(shop / name)
    request = request_of(photos=(shop / name,))
    assert run(request).rows[0].file == name
    assert (request.out / name).exists()
    assert run(request).kept == 1
    assert b"caf\xe9.png,," in (request.out / "cutouts.csv").read_bytes()
