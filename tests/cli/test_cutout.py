"""``toprung cutout`` around a cutter that knows nothing; what cuts out is tested under tests/cutting."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from tests.cli.command_line import toprung
from tests.cutting import stub_cutters


@pytest.fixture(autouse=True)
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("toprung.cutting.cutout")
    module.cutout = stub_cutters.dark  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "toprung.cutting.cutout", module)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop" / "sub").mkdir(parents=True)
    for name, side in (("a.png", 20), ("b-check.png", 30), ("sub/c.png", 20)):
        values = np.full((side, side, 3), 255, np.uint8)
        values[5:9, 6:12] = (10, 60, 90)
        Image.fromarray(values).save(tmp_path / "shop" / name)
    return tmp_path / "shop"


def test_a_folder(shop: Path, tmp_path: Path) -> None:
    done = toprung("cutout", shop, "--out", tmp_path / "out", "--jobs", 1)
    assert done.code == 0
    assert f"good {shop / 'a.png'} (expected error 0.0100)" in done.out
    assert (
        f"2 photos: 1 good, 1 check; see {tmp_path / 'out' / 'cutouts.csv'} and {tmp_path / 'out' / 'review.html'}"
        in done.out
    )
    assert "1 subfolders were left out" in done.err
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {"a.png", "b-check.png"}
    again = toprung("cutout", shop, "--out", tmp_path / "out", "--recursive")
    assert again.code == 0
    assert "3 photos (2 of them before): 2 good, 1 check" in again.out
    assert "subfolders" not in again.err


def test_what_failed_gives_exit_code_one(shop: Path, tmp_path: Path) -> None:
    (shop / "z.png").write_bytes(b"")
    done = toprung("cutout", shop, "--out", tmp_path / "out", "--jobs", 1)
    assert done.code == 1
    assert "error" in done.out
    assert "it is empty (0 bytes)" in done.out
    assert "3 photos: 1 good, 1 check, 1 error" in done.out


def test_of_many_photos_only_those_that_failed_are_listed(tmp_path: Path) -> None:
    for number in range(12):
        Image.new("RGB", (4, 4)).save(tmp_path / f"{number}{'-failed' if number == 7 else ''}.png")
    done = toprung("cutout", tmp_path, "--out", tmp_path / "out", "--jobs", 2)
    assert done.code == 1
    assert done.out.splitlines()[0].startswith(f"failed {tmp_path / '7-failed.png'}")
    assert len(done.out.splitlines()) == 2


def test_trimmed_on_colours_as_webp(shop: Path, tmp_path: Path) -> None:
    options = ("--format", "webp", "--margin", 3, "--on", "white", "--on", "#0050FF", "--on", "White")
    done = toprung("cutout", shop / "a.png", "--out", tmp_path / "out", *options)
    assert done.code == 0
    sizes = {}
    for path in (tmp_path / "out").glob("a*"):
        with Image.open(path) as image:
            sizes[path.name] = (image.size, image.mode)
    size = (6 + 6, 4 + 6)
    assert sizes == {"a.webp": (size, "RGBA"), "a.on-white.webp": (size, "RGB"), "a.on-0050ff.webp": (size, "RGB")}


def test_crop_is_a_margin_of_nothing(shop: Path, tmp_path: Path) -> None:
    assert toprung("cutout", shop / "a.png", "--out", tmp_path / "out", "--crop").code == 0
    with Image.open(tmp_path / "out" / "a.png") as image:
        assert image.size == (6, 4)


def test_plate_second_trimap_and_methods_reach_the_cutter(shop: Path, tmp_path: Path) -> None:
    plate = tmp_path / "plate.png"
    Image.new("RGB", (20, 20)).save(plate)
    options = ("--plate", plate, "--second", plate, "--second-plate", plate, "--trimap", plate)
    done = toprung(
        "cutout", shop / "a.png", "--out", tmp_path / "out", *options, "--method", "plate", "--method", "grabcut"
    )
    assert done.code == 0
    assert f"trimap {plate}. second {plate}. methods ['plate', 'grabcut']." in done.out


def test_json(shop: Path, tmp_path: Path) -> None:
    done = toprung("cutout", shop, "--out", tmp_path / "out", "--json", "--jobs", 1)
    content = json.loads(done.out)
    assert content["counts"] == {"good": 1, "check": 1}
    assert (content["kept"], content["csv"]) == (0, str(tmp_path / "out" / "cutouts.csv"))
    assert content["photos"][0]["file"] == "a.png"
    assert content["photos"][0]["interval"] == [0.005, 0.02]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.png",), "nowhere.png does not exist"),
        (("{shop}", "--plate", "nowhere"), "the plate nowhere does not exist"),
        (("{shop}", "--second-plate", "nowhere"), "the second plate nowhere is no file"),
        (("{shop}", "--on", "whit"), "'whit' is no colour. Did you mean white"),
        (("{shop}", "--model", "nowhere.onnx"), "cannot read nowhere.onnx"),
        (("{shop}", "--method", "grabcat"), "No cutout method is called 'grabcat'. Did you mean grabcut"),
        (("{shop}", "--out", "{shop}"), "the photos stand in"),
        (("{shop}", "--plate", "{shop}"), "is that photo itself"),
        (("{shop}/sub/../sub", "--out", "{shop}/a.png"), "cannot make the folder"),
        (("{shop}", "--format", "gif"), "'gif' is not one of"),
        (("{shop}", "--jobs", "0"), "--jobs"),
        ((), "Missing argument 'PHOTOS...'"),
    ],
)
def test_a_users_mistake_is_exit_code_two(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = toprung("cutout", *(argument.format(shop=shop) for argument in arguments))
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_the_methods_are_listed_without_photos() -> None:
    from toprung.cutting.methods.registry import load_methods

    done = toprung("cutout", "--list-methods")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == list(load_methods())
    for line, entry in zip(done.out.splitlines(), load_methods().values(), strict=True):
        assert entry.summary in line
        assert line.endswith("(only when named)") != entry.default


def test_the_review_is_served_and_its_decisions_stay(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toprung.cutting.review import serve
    from toprung.cutting.review.choices import Choice, write_choices

    def choose(folder: Path, resolve: serve.Resolve, **options: object) -> None:
        nothing = np.zeros((20, 20), np.bool_)
        write_choices(folder / "choices.json", {"a": Choice("everything", (20, 20))})
        resolve("a", nothing, nothing, "everything")

    monkeypatch.setattr(serve, "serve_review", choose)
    out = tmp_path / "out"
    assert toprung("cutout", shop / "a.png", "--out", out, "--review").code == 0
    with Image.open(out / "a.png") as image:
        assert image.getchannel("A").getextrema() == (255, 255)
    assert "A person picked everything." in toprung("cutout", shop / "a.png", "--out", out).out
    assert "everything" in (out / "review.html").read_text()
    done = toprung("cutout", shop / "a.png", "--out", tmp_path / "other", "--choices", out / "choices.json")
    assert "A person picked everything." in done.out
    done = toprung("cutout", shop / "a.png", "--out", tmp_path / "third", "--choices", tmp_path / "none.json")
    assert done.code == 2
    assert "none.json" in done.err
