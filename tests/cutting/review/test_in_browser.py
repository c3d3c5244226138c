"""The page in headless Chromium: with its server, and opened as a plain file."""

import json
import shutil
import threading

import numpy as np
import pytest
from PIL import Image

from tests.cutting.review.driving import choose, drag, until, wait_until_solved
from tests.cutting.review.made_up import HOSTILE, TRUTH, Resolver, disc, entries, entry
from toprung.cutting.review.choices import read_choices
from toprung.cutting.review.page import write_review
from toprung.cutting.review.serve import ReviewServer
from toprung.cutting.review.strokes import paint
from toprung.errors import CutoutError

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no program named chromium to open the page with")


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def folder(tmp_path):
    write_review(tmp_path / "my out", entries())
    return tmp_path / "my out"


@pytest.fixture
def server(folder):
    with ReviewServer(folder, Resolver(folder)) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def open_page(browser):
    contexts, errors = [], []

    def open_it(address, **settings):
        context = browser.new_context(viewport={"width": 1200, "height": 900}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("dialog", lambda dialog: errors.append(dialog.message))
        page.goto(address)
        page.wait_for_selector("html[data-ready]")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert [error for error in errors if "status of 422" not in error] == []  # a refusal is told on the page


def solved_alpha(folder):
    (file,) = (folder / "review").glob("tape-roll-jpg-*/cutout.webp")
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGBA"), np.float32)[..., 3] / 255


def test_every_picture_loads_and_the_worst_stands_first(server, open_page):
    page = open_page(server.url)
    assert page.locator(".row b").first.text_content() == "broken.jpg"
    assert page.locator(".row").count() == len(HOSTILE) + 3
    assert page.is_hidden("#stage")  # there is nothing to show of a photo that could not be read
    choose(page, "tape roll.jpg")
    assert page.text_content("#status") == "! check"
    assert page.text_content("#error") == "expected error 7.00 % (3.50 % to 14.0 %)"
    assert page.locator("#reasons li").all_text_contents() == ["a hole may be filled"]
    until(page, "[...document.querySelectorAll('.entry img')].every((i) => i.complete && i.naturalWidth)")
    mark = page.locator("#worst-figure .place").bounding_box()
    framed = page.locator("#worst-photo").bounding_box()
    assert (mark["x"] - framed["x"]) / framed["width"] == pytest.approx(60 / 160, abs=0.01)
    assert mark["height"] / framed["height"] == pytest.approx(40 / 120, abs=0.01)


def test_a_pick_by_key_is_solved_and_saved(server, open_page, folder):
    page = open_page(server.url)
    choose(page, "tape roll.jpg")
    before = page.get_attribute("#cutout", "src")
    page.keyboard.press("1")
    page.wait_for_selector("#status:has-text('good')")
    assert page.get_attribute("#cutout", "src") != before
    assert read_choices(folder / "choices.json")["tape roll.jpg"].picked == "plate difference"
    assert np.abs(solved_alpha(folder) - TRUTH).max() < 0.01
    assert page.get_attribute(".candidate:nth-child(2)", "aria-pressed") == "true"
    assert page.text_content("#saved") == "1 photo changed, in choices.json"
    page.keyboard.press("0")
    until(page, "document.getElementById('saved').textContent === ''")
    assert read_choices(folder / "choices.json") == {}


def test_a_dab_of_background_opens_the_hole(server, open_page, folder):
    page = open_page(server.url)
    choose(page, "tape roll.jpg")
    page.keyboard.press("b")
    drag(page, (0.5, 0.5), (0.52, 0.5))
    assert not (folder / "choices.json").exists()  # strokes wait for the button
    page.click("#resolve")
    wait_until_solved(page)
    (stroke,) = read_choices(folder / "choices.json")["tape roll.jpg"].strokes
    assert stroke.kind == "background"
    assert stroke.points[0] == pytest.approx((79.5, 59.5), abs=0.6)
    assert stroke.points[-1] == pytest.approx((82.7, 59.5), abs=0.6)
    assert np.abs(disc(45) - TRUTH).mean() > 0.06
    assert np.abs(solved_alpha(folder) - TRUTH).mean() < 0.002
    _, painted, _, _ = server.deciding._resolve.calls[-1]
    assert not painted.any()
    page.reload()  # what was decided is still there
    page.wait_for_selector("html[data-ready=server]")
    choose(page, "tape roll.jpg")
    assert page.evaluate("choiceOf(current()).strokes.length") == 1


def test_undo_clear_and_size(server, open_page):
    page = open_page(server.url)
    choose(page, "tape roll.jpg")
    page.click("#modes [data-mode=object]")
    small = page.evaluate("radius()")
    page.keyboard.press("]")
    assert page.evaluate("radius()") > small
    for y in (0.2, 0.4, 0.6):
        drag(page, (0.3, y), (0.4, y))
    count = "choiceOf(current()).strokes.length"
    assert page.evaluate(count) == 3
    page.keyboard.press("Control+z")
    page.click("#undo")
    assert page.evaluate(count) == 1
    page.click("#clear")
    assert page.evaluate(count) == 0
    assert page.is_disabled("#undo")


def test_strokes_are_painted_where_they_are_shown(server, open_page):
    page = open_page(server.url)
    choose(page, "tape roll.jpg")
    page.keyboard.press("o")
    drag(page, (0.25, 0.3), (0.6, 0.7), (0.3, 0.8))
    shown = page.evaluate(
        """() => { const c = document.getElementById("strokes"), p = c.getContext("2d");
        const d = p.getImageData(0, 0, c.width, c.height).data, [W, H] = current().size, out = [];
        const at = (p, n, length) => Math.floor((p + .5) / n * length);
        for (let y = 0; y < H; y++) for (let x = 0; x < W; x++)
          out.push(d[4 * (at(y, H, c.height) * c.width + at(x, W, c.width)) + 3] > 127);
        return out; }"""
    )
    page.click("#resolve")
    wait_until_solved(page)
    painted = server.deciding._resolve.calls[-1][1]
    assert (np.reshape(shown, painted.shape) != painted).sum() < 0.03 * painted.sum()


def test_an_error_of_the_pipeline_is_told(server, open_page):
    server.deciding._resolve.error = CutoutError("<b>tape roll.jpg</b> is gone: put it back.")
    page = open_page(server.url)
    choose(page, "tape roll.jpg")
    page.keyboard.press("2")
    page.wait_for_selector("#notice.wrong")
    assert page.text_content("#notice") == "<b>tape roll.jpg</b> is gone: put it back."
    server.deciding._resolve.error = None
    page.keyboard.press("1")
    page.wait_for_selector("#notice", state="hidden")


def test_hostile_names_are_text_and_can_be_picked(server, open_page, folder):
    page = open_page(server.url)
    for name in HOSTILE:
        page.evaluate("name => show(view.shown.findIndex((r) => JSON.stringify(r.name) === name))", as_in_script(name))
        assert page.text_content("#name") == name
        assert page.is_visible("#files a") == ("\udcff" not in name)
        until(page, "document.getElementById('cutout').naturalWidth > 0")
        page.keyboard.press("2")
        page.wait_for_selector("#status:has-text('good')")
    assert page.evaluate("window.broken") is None
    picked = {name: choice.picked for name, choice in read_choices(folder / "choices.json").items()}
    assert picked == dict.fromkeys(HOSTILE, "grabcut")


def as_in_script(name):
    """What JSON.stringify makes of a name: only half surrogate pairs are escaped."""
    return json.dumps(name, ensure_ascii=False).replace("\udcff", "\\udcff")


def test_keys_filters_and_search(server, open_page):
    page = open_page(server.url)
    page.keyboard.press("ArrowRight")
    assert page.text_content("#name") == "tape roll.jpg"
    page.keyboard.press("End")
    assert page.text_content("#name") == "fine.jpg"
    page.keyboard.press("ArrowLeft")
    assert page.text_content("#name") != "fine.jpg"
    page.click("#filters [data-filter=good]")
    assert page.locator(".row b").all_text_contents() == ["fine.jpg"]
    page.click("#filters [data-filter=changed]")
    assert page.is_visible("#empty")
    page.click("#filters [data-filter=all]")
    page.fill("#search", "TWO words")
    assert page.locator(".row").count() == 1
    page.keyboard.press("ArrowLeft")  # in the field it moves the cursor
    assert page.text_content("#position") == "1 of 1"


def test_the_slider_and_the_grounds(server, open_page):
    page = open_page(server.url)
    choose(page, "tape roll.jpg")
    drag(page, (0.5, 0.5), (0.25, 0.5))
    assert page.evaluate("view.split") == pytest.approx(25, abs=1)
    assert page.evaluate("document.getElementById('after').style.clipPath").startswith("inset(0")
    colours = []
    for _ in range(4):
        page.keyboard.press("g")
        colours.append(page.evaluate("getComputedStyle(document.getElementById('after')).backgroundColor"))
    assert colours[:3] == ["rgb(255, 255, 255)", "rgb(0, 0, 0)", "rgb(24, 70, 216)"]
    page.keyboard.press("l")
    assert page.evaluate("view.zoom") > 1.2


def test_as_a_plain_file_choices_are_downloaded(folder, open_page, tmp_path):
    page = open_page((folder / "review.html").as_uri())
    assert "with --choices choices.json, or with --review" in page.text_content("#notice")
    choose(page, "tape roll.jpg")
    page.keyboard.press("2")
    page.keyboard.press("b")
    drag(page, (0.5, 0.5), (0.55, 0.5))
    page.reload()
    page.wait_for_selector("html[data-ready=file]")  # this browser remembers
    with page.expect_download() as download:
        page.click("#download")
    assert download.value.suggested_filename == "choices.json"
    download.value.save_as(tmp_path / "saved.json")
    choice = read_choices(tmp_path / "saved.json")["tape roll.jpg"]
    assert choice.picked == "grabcut"
    assert paint(choice.strokes, choice.size)[1][59, 80]


def test_a_finger_paints_too(server, open_page):
    page = open_page(server.url, has_touch=True)
    choose(page, "tape roll.jpg")
    page.keyboard.press("b")
    box = page.locator("#sheet").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    (stroke,) = page.evaluate("choiceOf(current()).strokes")
    assert stroke["points"][0] == pytest.approx([79.5, 59.5], abs=0.6)


def test_three_thousand_photos_stay_quick(open_page, tmp_path):
    from toprung.cutting.review.page import render
    from toprung.cutting.review.pictures import write_entry

    record = write_entry(tmp_path, entry())
    many = [record | {"name": f"photo {number:04}.jpg"} for number in range(3000)]
    (tmp_path / "review.html").write_text(render("many", many, {}))
    page = open_page((tmp_path / "review.html").as_uri())
    assert page.locator(".row").count() < 1000
    took = page.evaluate("() => { const t = performance.now(); show(2999); return performance.now() - t; }")
    assert page.text_content("#name") == "photo 2999.jpg"
    assert took < 5000
    assert json.loads(page.evaluate("choicesAsJson()")) == {"format": 1, "choices": {}}


@pytest.mark.parametrize("width", [360, 500, 1200])
def test_nothing_stands_out_of_the_page(server, open_page, width):
    page = open_page(server.url)
    page.set_viewport_size({"width": width, "height": 800})
    for name in ("tape roll.jpg", HOSTILE[0]):
        choose(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
