"""Views of a picture against torchvision's and timm's transforms."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from timm.data import create_transform
from torchvision.transforms.functional import five_crop, ten_crop

from toprung.data.eval_view import EvalView
from toprung.data.input_source import InputSource
from toprung.data.preprocessing import Preprocessing
from toprung.data.resample import resize
from toprung.data.view_inputs import view_inputs
from toprung.data.views import PLAIN, flip, plan_views, view_kinds
from toprung.errors import RecipeError, UnreadableImage

KINDS = tuple(view_kinds())
USUAL = Preprocessing((64, 64), crop_pct=0.875)


def photo(height: int = 150, width: int = 211, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.array(Image.fromarray(draw).resize((width, height), Image.Resampling.BICUBIC))


def inputs(source: object, kinds: tuple[str, ...], how: Preprocessing) -> list[np.ndarray]:
    return [EvalView(how)(one) for one in view_inputs(source, plan_views(kinds))]


def test_without_kinds_there_is_the_plain_view() -> None:
    assert plan_views(()) == PLAIN
    assert np.array_equal(inputs(photo(), (), USUAL)[0], EvalView(USUAL)(photo()))


def test_flipping_twice_is_the_identity() -> None:
    once = plan_views(["flip"])
    assert set(flip(once)) == set(once) == set(plan_views(["flip", "flip"]))
    plain, mirrored = inputs(photo(), ("flip",), USUAL)
    assert np.array_equal(mirrored[:, ::-1], plain)
    assert not np.array_equal(mirrored, plain)


@pytest.mark.parametrize("shape", [(150, 211), (211, 150), (64, 64), (30, 90)])
@pytest.mark.parametrize("crop_pct", [0.875, 0.7, 1.0])
def test_crops_are_torchvisions_of_the_resized_picture(shape: tuple[int, int], crop_pct: float) -> None:
    how = Preprocessing((64, 64), crop_pct=crop_pct)
    roomy = EvalView(Preprocessing((64, 64), crop_pct=0.875 if crop_pct == 1 else crop_pct))
    resized = resize(photo(*shape), *roomy.resized_size(*shape), how.interpolation)
    theirs = [np.asarray(one) for one in five_crop(Image.fromarray(resized), [64])]
    assert all(np.array_equal(*pair) for pair in zip(inputs(photo(*shape), ("five-crop",), how), theirs, strict=True))
    ten = [np.asarray(one) for one in ten_crop(Image.fromarray(resized), [64])]
    ours = inputs(photo(*shape), ("ten-crop",), how)
    assert len(ours) == 10
    for one in theirs:  # torchvision mirrors first, so that its corners come in another order
        assert any(np.array_equal(one[:, ::-1], other) for other in ours[5:])
    corners = [ten[place] for place in (5, 6, 7, 8)]
    assert all(any(np.array_equal(one, other) for other in ours[5:]) for one in corners)


def test_scales_are_timms_transform_with_another_crop() -> None:
    for picture, factor in zip(inputs(photo(), ("scales",), USUAL), (0.9, 1.0, 1.15), strict=True):
        transform = create_transform(
            64, is_training=False, crop_pct=0.875 / factor, interpolation="bicubic", normalize=False
        )
        theirs = transform(Image.fromarray(photo())).permute(1, 2, 0).numpy().astype(int)
        assert np.abs(picture.astype(int) - theirs).mean() < 0.3


def test_a_smaller_picture_is_laid_on_grey() -> None:
    how = Preprocessing((64, 64), crop_pct=1.0, mean=(0.5, 0.5, 0.5))
    small = inputs(photo(), ("scales",), how)[0]
    assert (small[0] == 128).all()
    assert (small[:, 0] != 128).any()


@given(kinds=st.lists(st.sampled_from(KINDS), max_size=3, unique=True))
def test_kinds_multiply_and_their_order_changes_no_set(kinds: list[str]) -> None:
    plan = plan_views(kinds)
    assert len(plan) == len(set(plan))
    assert set(plan) == set(plan_views(kinds[::-1]))
    mirrored = 2 if {"flip", "ten-crop"} & set(kinds) else 1
    places = 5 if {"five-crop", "ten-crop"} & set(kinds) else 1
    assert len(plan) == mirrored * places * (3 if "scales" in kinds else 1)


@given(height=st.integers(1, 90), width=st.integers(1, 90), kinds=st.sets(st.sampled_from(KINDS)),
       crop_pct=st.sampled_from([0.5, 0.875, 0.96, 1.0]), mode=st.sampled_from(["center", "squash", "border"]),
       size=st.sampled_from([(16, 16), (16, 24)]))  # fmt: skip
def test_every_view_has_the_models_size(
    height: int, width: int, kinds: set[str], crop_pct: float, mode: str, size: tuple[int, int]
) -> None:
    if max(height, width) > 20 * min(height, width):
        return
    how = Preprocessing(size, crop_pct=crop_pct, crop_mode=mode)
    assert all(one.shape == (*size, 3) for one in inputs(photo(height, width), tuple(kinds), how))


def test_a_file_is_decoded_once_for_all_views_of_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.jpg"
    Image.fromarray(photo(600, 800)).save(file, quality=95)
    from toprung.images import scaled

    decoded: list[int] = []
    real = scaled.ScalablePicture.pixels
    monkeypatch.setattr(scaled.ScalablePicture, "pixels", lambda self, **how: (decoded.append(1), real(self, **how))[1])
    sources = view_inputs(file, plan_views(["ten-crop", "scales"]))
    for how in (USUAL, Preprocessing((32, 32))):
        for source in sources:
            EvalView(how)(source)
    assert len(decoded) == 2
    mirrored = inputs(file, ("flip",), USUAL)
    assert np.array_equal(mirrored[0], EvalView(USUAL)(file))  # nothing larger than the plain view is asked for


def test_a_damaged_file_is_named_and_tried_once(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    whole = io.BytesIO()
    Image.fromarray(photo()).save(whole, "PNG")
    file.write_bytes(whole.getvalue()[:200])
    for source in view_inputs(file, plan_views(["flip"])):
        assert isinstance(source, InputSource)
        with pytest.raises(UnreadableImage, match=r"a\.png.*cut off"):
            source.input_for(USUAL)
        file.unlink(missing_ok=True)  # the second view does not look for it


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"no views 'flips'.*Did you mean flip"):
        plan_views(["flips"])
