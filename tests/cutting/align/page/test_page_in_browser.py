"""The page as a person uses it, in headless Chromium."""

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cutting.align.scenes import PLACES, on_photo, write_scene
from toprung.cutting.align.page.server import PageServer
from toprung.cutting.align.page.session import Session
from toprung.cutting.align.point_models import apply
from toprung.cutting.align.points import read_points

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on the path")
expect: Any = sync_api.expect
expect.set_options(timeout=15_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A page of one plate and photo, and what a hand does on it."""

    def __init__(self, browser: Any, folder: Path, method: str, viewport: tuple[int, int], touch: bool = False) -> None:
        self.out = folder / "out"
        self.server = PageServer(Session(*write_scene(folder), None, method, self.out), 0)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        size = {"width": viewport[0], "height": viewport[1]}
        self.page = browser.new_page(viewport=size, has_touch=touch)
        self.page.set_default_timeout(15_000)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self.heard)
        self.page.goto(self.server.address)
        expect(self.page.locator("#step")).not_to_contain_text("Loading")

    def heard(self, line: Any) -> None:
        if line.type == "error" and "422" not in line.text:  # the browser's own word for a refused fit
            self.errors.append(line.text)

    def close(self) -> None:
        self.page.close()
        self.server.shutdown()
        self.server.server_close()
        assert not self.errors

    def stage(self, side: str) -> Any:
        return self.page.locator(f"#{side} .stage")

    def on_screen(self, side: str, place: np.ndarray) -> tuple[float, float]:
        """Return where a photo's pixel is on the screen, while the whole photo is shown."""
        self.stage(side).scroll_into_view_if_needed()
        box = self.stage(side).bounding_box()
        scale = min(box["width"] / 160, box["height"] / 120)
        left, top = (box["width"] - 160 * scale) / 2, (box["height"] - 120 * scale) / 2
        return box["x"] + left + (place[0] + 0.5) * scale, box["y"] + top + (place[1] + 0.5) * scale

    def click_pair(self, place: np.ndarray) -> None:
        count = int(self.count())
        for side, at in (("plate", place), ("photo", on_photo(place[None])[0])):
            self.page.mouse.click(*self.on_screen(side, at))
        expect(self.page.locator("#count")).to_contain_text(str(count + 1))
        expect(self.page.locator(f"#pairs tbody tr:nth-child({count + 1}) .n")).to_contain_text("px")

    def count(self) -> str:
        return str(self.page.locator("#count").inner_text()).split()[0]

    def difference(self) -> float:
        return float(self.page.locator("#difference").inner_text().split()[0])

    def save(self) -> dict[str, Any]:
        before = len(list(self.out.glob("alignment*.json")))
        self.page.locator("#save").click()
        expect(self.page.locator("#saved")).to_contain_text("Saved")
        assert len(list(self.out.glob("alignment*.json"))) == before + 1
        newest = max(self.out.glob("alignment*.json"), key=lambda path: path.stat().st_mtime_ns)
        return dict(json.loads(newest.read_text()))


@pytest.fixture
def visit(browser: Any, tmp_path: Path) -> Iterator[Visit]:
    visit = Visit(browser, tmp_path, "none", (1200, 900))
    yield visit
    visit.close()


def worst(matrix: Any) -> float:
    corners = np.array([[0, 0], [159, 0], [0, 119], [159, 119]], np.float64)
    return float(np.hypot(*(apply(np.array(matrix), corners) - on_photo(corners)).T).max())


def test_clicked_pairs_bring_the_difference_down_and_are_saved(visit: Visit) -> None:
    before = visit.difference()  # of no motion
    visit.click_pair(PLACES[0])
    one = visit.difference()
    for place in PLACES[1:4]:
        visit.click_pair(place)
    expect(visit.page.locator("#difference")).not_to_contain_text(f"{one:.2f}")
    assert visit.difference() < min(0.5 * before, 0.9 * one)
    visit.page.locator("[name=mode][value=residual]").check(force=True)
    expect(visit.page.locator("#rms")).to_contain_text("Root mean square")

    stored = visit.save()
    assert worst(stored["matrix"]) < 0.5
    assert stored["method"] == "points"
    pairs = read_points(visit.out / "points.csv")
    np.testing.assert_allclose(pairs.plate, PLACES[:4], atol=0.3)
    np.testing.assert_allclose(pairs.photo, on_photo(PLACES[:4]), atol=0.3)
    visit.save()
    assert (visit.out / "points-2.csv").is_file()


def test_the_residual_is_drawn_where_the_object_is(visit: Visit) -> None:
    for place in PLACES[:4]:
        visit.click_pair(place)
    visit.page.locator("[name=mode][value=residual]").check(force=True)
    read = """canvas => { const pen = canvas.getContext("2d"), sum = (x, y, w, h) =>
        pen.getImageData(x, y, w, h).data.reduce((total, value, i) => total + (i % 4 < 3 ? value : 0), 0) / (w * h);
        return [sum(70, 55, 20, 25), sum(20, 60, 20, 25)]; }"""
    on_object, beside = visit.page.locator("#canvas").evaluate(read)
    assert on_object > 500
    assert beside < 300


def test_the_blend_goes_from_the_photo_to_the_plate(visit: Visit) -> None:
    for place in PLACES[:4]:
        visit.click_pair(place)
    read = 'canvas => [...canvas.getContext("2d").getImageData(80, 70, 1, 1).data]'  # the photo is dark here
    visit.page.locator("#mix").fill("0")
    assert max(visit.page.locator("#canvas").evaluate(read)[:3]) < 30
    visit.page.locator("#mix").fill("100")
    assert max(visit.page.locator("#canvas").evaluate(read)[:3]) > 60


def test_flicker_shows_one_and_then_the_other(visit: Visit) -> None:
    visit.page.locator("[name=mode][value=flicker]").check(force=True)
    for word in ("Plate", "Photo", "Plate"):
        expect(visit.page.locator("#shown")).to_have_text(word)
    visit.page.locator("#play").click()
    expect(visit.page.locator("#play")).to_have_text("Play")


def test_a_point_is_dragged_and_deleted_and_undone(visit: Visit) -> None:
    for place in PLACES:
        visit.click_pair(place)
    row = visit.page.locator("#pairs tbody tr").nth(4)
    x, y = visit.on_screen("photo", on_photo(PLACES[4:5])[0])
    visit.page.mouse.move(x, y)
    visit.page.mouse.down()
    visit.page.mouse.move(x + 60, y + 40, steps=6)
    visit.page.mouse.up()
    expect(row.locator(".n")).to_contain_text("left out")
    expect(visit.page.locator("#count")).to_contain_text("1 left out")
    visit.page.locator("#undo").click()
    expect(row.locator(".n")).not_to_contain_text("left out")
    row.locator("button").click()
    expect(visit.page.locator("#count")).to_have_text("5")
    visit.page.keyboard.press("Control+z")
    expect(visit.page.locator("#count")).to_have_text("6")
    assert worst(visit.save()["matrix"]) < 0.5


def test_zoom_and_pan_do_not_move_points(visit: Visit) -> None:
    visit.click_pair(PLACES[4])
    x, y = visit.on_screen("plate", PLACES[4])
    visit.page.mouse.move(x, y)
    for _ in range(4):
        visit.page.mouse.wheel(0, -300)
    mark = visit.page.locator("#plate .mark")
    box = mark.bounding_box()
    assert abs(box["x"] + box["width"] / 2 - x) < 1.5  # the place under the pointer stays there
    assert abs(box["y"] + box["height"] / 2 - y) < 1.5
    visit.page.mouse.move(x + 60, y)
    visit.page.mouse.down()
    visit.page.mouse.move(x + 20, y + 30, steps=4)
    visit.page.mouse.up()
    assert abs(mark.bounding_box()["x"] - box["x"] + 40) < 1.5
    assert visit.count() == "1"
    visit.page.locator("#plate [data-zoom=fit]").click()
    assert abs(mark.bounding_box()["x"] - box["x"]) < 1.5


def test_it_works_by_keys_alone(visit: Visit) -> None:
    keys = visit.page.keyboard
    visit.stage("plate").focus()
    keys.press("Enter")  # the cross begins in the middle
    expect(visit.page.locator("#step")).to_contain_text("Now the same place on the photo")
    keys.press("g")  # the guess of no motion
    expect(visit.page.locator("#count")).to_have_text("1")
    mark = visit.page.locator("#photo .mark")
    mark.focus()
    keys.press("ArrowRight")
    keys.press("Shift+ArrowDown")
    keys.press("Alt+ArrowLeft")
    x, y = (visit.page.locator("#pairs input[data-side=photo]").nth(axis) for axis in (0, 1))
    expect(x).to_have_value("80.4")
    expect(y).to_have_value("69.5")
    keys.press("Delete")
    expect(visit.page.locator("#count")).to_have_text("0")


def test_numbers_can_be_typed(visit: Visit) -> None:
    for place in PLACES[:3]:
        visit.click_pair(place)
    row = visit.page.locator("#pairs tbody tr").nth(1)
    row.locator("input").nth(2).fill("400")
    row.locator("input").nth(2).press("Enter")
    expect(visit.page.locator("#problem")).to_contain_text("has 160 × 120 pixels")
    expect(visit.page.locator("#save")).to_be_disabled()
    row.locator("input").nth(2).fill(str(on_photo(PLACES[1:2])[0, 0]))
    row.locator("input").nth(2).press("Enter")
    expect(visit.page.locator("#problem")).to_be_hidden()
    expect(visit.page.locator("#save")).to_be_enabled()


def test_nonsense_is_told_and_cannot_be_saved(visit: Visit) -> None:
    for place in PLACES[:4]:
        visit.page.mouse.click(*visit.on_screen("plate", place))
        visit.page.mouse.click(*visit.on_screen("photo", np.array([159 - place[0], place[1]])))
    expect(visit.page.locator("#problem")).to_contain_text("Not aligned")
    expect(visit.page.locator("#save")).to_be_disabled()


def test_the_automatic_alignment_is_where_it_begins(browser: Any, tmp_path: Path) -> None:
    visit = Visit(browser, tmp_path, "auto", (1200, 900))
    expect(visit.page.locator("#step")).to_contain_text("This is the automatic alignment")
    assert worst(visit.save()["matrix"]) < 1
    visit.page.locator("#seed").click()
    expect(visit.page.locator("#count")).to_have_text("4")
    visit.page.locator("[name=source][value=automatic]").check(force=True)
    expect(visit.page.locator("#step")).to_contain_text("This is the automatic alignment")
    visit.close()


def test_fingers_on_a_narrow_page(browser: Any, tmp_path: Path) -> None:
    visit = Visit(browser, tmp_path, "none", (500, 900), touch=True)
    width = visit.page.evaluate("document.documentElement.scrollWidth")
    assert width == 500
    for place in PLACES[:3]:
        for side, at in (("plate", place), ("photo", on_photo(place[None])[0])):
            visit.page.touchscreen.tap(*visit.on_screen(side, at))
    expect(visit.page.locator("#count")).to_have_text("3")
    visit.page.mouse.click(*visit.on_screen("plate", PLACES[3]))
    visit.page.locator("#take").click()
    expect(visit.page.locator("#count")).to_have_text("4")
    visit.close()
