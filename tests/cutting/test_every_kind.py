"""Every kind of picture through the whole of ``toprung.cutout``: an answer of the photo's size, or one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import toprung
from tests.images.make_content import encode
from toprung.errors import ToprungError

HEIGHT, WIDTH = 72, 96


def truth() -> NDArray[np.float64]:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return (18.5 - np.hypot(rows - 33, columns - 50)).clip(0, 1)


def scene(colour: tuple[int, int, int] = (40, 60, 150)) -> NDArray[np.uint8]:
    """A disc on light paper, with noise."""
    noise = np.random.default_rng(0).normal(0, 1.5, (HEIGHT, WIDTH, 3))
    alpha = truth()[..., None]
    return np.rint(np.array(colour) * alpha + 205 * (1 - alpha) + noise).clip(0, 255).astype(np.uint8)


def overlap(alpha: NDArray) -> float:
    found, true = alpha > 0.5, truth() > 0.5
    return float((found & true).sum() / (found | true).sum())


@pytest.fixture(scope="module")
def alpha() -> NDArray[np.float32]:
    return toprung.cutout(scene()).alpha


def test_the_disc_is_found(alpha: NDArray) -> None:
    assert alpha.dtype == np.float32
    assert overlap(alpha) > 0.97


@pytest.mark.parametrize("kind", ["uint16", "float", "png", "tiff", "cmyk"])
def test_the_kind_of_file_does_not_matter(tmp_path: Path, alpha: NDArray, kind: str) -> None:
    path = tmp_path / f"photo.{kind}"
    if kind in {"png", "tiff"}:
        path.write_bytes(encode(scene(), kind.upper()))
    if kind == "cmyk":
        path.write_bytes(encode(Image.fromarray(scene()).convert("CMYK"), "TIFF"))
    arrays = {"uint16": scene().astype(np.uint16) * 257, "float": scene() / 255}
    found = toprung.cutout(arrays.get(kind, path)).alpha
    assert np.abs(found - alpha).mean() < 1e-3


@pytest.mark.parametrize("kind", ["grey", "palette", "jpeg"])
def test_what_holds_less_still_shows_the_disc(tmp_path: Path, kind: str) -> None:
    pictures = {
        "grey": encode(scene()[..., 1], "PNG"),
        "palette": encode(Image.fromarray(scene()).quantize(64), "PNG"),
        "jpeg": encode(scene(), "JPEG", quality=80),
    }
    (tmp_path / "photo").write_bytes(pictures[kind])
    assert overlap(toprung.cutout(tmp_path / "photo").alpha) > 0.95


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_photo_is_cut_out_upright(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = {3: np.rot90(scene(), 2), 6: np.rot90(scene(), 1), 8: np.rot90(scene(), -1)}[orientation]
    (tmp_path / "photo.png").write_bytes(encode(np.ascontiguousarray(turned), "PNG", exif=exif))
    assert overlap(toprung.cutout(tmp_path / "photo.png").alpha) > 0.97


def test_what_is_transparent_stays_so() -> None:
    own = np.full((HEIGHT, WIDTH), 255, np.uint8)
    own[:, :50] = 51
    found = toprung.cutout(np.dstack([scene(), own]))
    assert found.alpha[:, :50].max() <= 51 / 255 + 1e-6
    assert found.alpha[33, 60] > 0.95
    assert all((candidate.alpha[:, :50] <= 51 / 255 + 1e-6).all() for candidate in found.candidates)


def test_an_object_that_touches_the_border_is_found() -> None:
    cropped = np.ascontiguousarray(scene()[20:])
    found = toprung.cutout(cropped).alpha
    true = truth()[20:] > 0.5
    assert ((found > 0.5) & true).sum() / ((found > 0.5) | true).sum() > 0.9


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 2), (5, 3), (16, 16), (20, 300)])
@pytest.mark.parametrize("plated", [False, True])
def test_tiny_pictures_give_an_answer(shape: tuple[int, int], plated: bool) -> None:
    draw = np.random.default_rng(1)
    photo, plate = (draw.integers(0, 256, (*shape, 3), dtype=np.uint8) for _ in range(2))
    found = toprung.cutout(photo, plate if plated else None)
    assert found.alpha.shape == shape
    assert np.isfinite(found.alpha).all()
    assert np.isfinite(found.foreground).all()
    assert found.verdict.status in {"good", "check", "failed"}
    if plated:
        assert "could not be aligned: a picture is too small" in found.verdict.reasons[0]


def test_a_plate_of_another_size_is_no_error() -> None:
    plate = np.full((50, 120, 3), 205, np.uint8)
    assert toprung.cutout(scene(), plate).alpha.shape == (HEIGHT, WIDTH)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_photo_of_nothing_shows_nothing(level: int) -> None:
    found = toprung.cutout(np.full((HEIGHT, WIDTH, 3), level, np.uint8))
    assert found.alpha.max() < 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"second": scene()[:50]}, "the first"),
        ({"second_plate": scene()}, "needs its second photo"),
        ({"trimap": np.zeros((5, 5), np.uint8)}, "of the photo's size"),
        ({"trimap": np.full((HEIGHT, WIDTH), 128, np.uint8)}, "grey everywhere"),
        ({"plate": "nowhere.png"}, "there is no such file"),
        ({"model": "nowhere.onnx"}, r"nowhere\.onnx"),
        ({"methods": ["grabcat"]}, "Did you mean grabcut"),
    ],
    ids=["second", "second-plate", "trimap-size", "trimap-grey", "plate", "model", "method"],
)
def test_what_does_not_go_together_is_one_sentence(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ToprungError, match=message) as told:
        toprung.cutout(scene(), **arguments)
    assert "\n" not in str(told.value)
