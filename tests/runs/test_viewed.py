from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.special import softmax

from tests.runs.make_classifier import CLASSES, make_classifier, make_files
from toprung.data.eval_view import EvalView
from toprung.data.view_inputs import view_inputs
from toprung.data.views import plan_views
from toprung.errors import RecipeError, UnreadableImage
from toprung.runs import viewed
from toprung.runs.viewed import ViewedClassifier, with_views


def by_hand(file: Path, kinds: tuple[str, ...]) -> np.ndarray:
    """Return the mean of the probabilities of all views, each predicted by itself as a ready input."""
    how = make_classifier().card.preprocessing
    pictures = [EvalView(how)(one) for one in view_inputs(file, plan_views(kinds))]
    ready = make_classifier(crop_pct=1.0)  # takes an input as it is
    return softmax(ready.logits(pictures).astype(float), axis=1).mean(axis=0)


@pytest.mark.parametrize("kinds", [("flip",), ("five-crop",), ("scales", "flip"), ("ten-crop", "scales")])
@pytest.mark.parametrize("batch_size", [1, 7, 32])
def test_probabilities_are_averaged(kinds: tuple[str, ...], batch_size: int, tmp_path: Path) -> None:
    files = make_files(tmp_path, 4)
    logits = ViewedClassifier(make_classifier(), kinds).logits(files, batch_size=batch_size)
    expected = np.stack([by_hand(file, kinds) for file in files])
    assert np.exp(logits) == pytest.approx(expected, abs=1e-5)
    assert np.ptp(expected, axis=0).max() > 0.03  # the pictures are not all answered alike


def test_no_views_are_plain_prediction_bit_by_bit(tmp_path: Path) -> None:
    plain = make_classifier()
    assert with_views(plain, ()) is plain
    files = make_files(tmp_path, 5, kind="jpg")
    around = ViewedClassifier(plain, ())
    assert softmax(around.logits(files), axis=1) == pytest.approx(softmax(plain.logits(files), axis=1), abs=1e-6)


def test_a_mirrored_picture_gets_the_same_answer_with_flip(tmp_path: Path) -> None:
    pixels = np.array(Image.open(make_files(tmp_path, 1, height=74, width=74)[0]))
    one, other = ViewedClassifier(make_classifier(), ("flip",)).logits([pixels, pixels[:, ::-1].copy()])
    assert one == pytest.approx(other, abs=1e-3)


def test_predict_names_the_classes(tmp_path: Path) -> None:
    file = make_files(tmp_path, 1)[0]
    answer = ViewedClassifier(make_classifier(), ("flip",)).predict(str(file))
    assert set(answer.probabilities) == set(CLASSES)
    assert [answer] == ViewedClassifier(make_classifier(), ("flip",)).predict([file])


@pytest.mark.parametrize("batch_size", [2, 5, 64])
@pytest.mark.parametrize("together", [1, 4, 1024])
def test_unreadable_pictures_are_told_once_and_the_rest_goes_on(
    batch_size: int, together: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewed, "_TOGETHER", together)
    files = make_files(tmp_path, 6)
    files[1].write_bytes(b"no picture")
    files[2].unlink()
    files[5].write_bytes(files[0].read_bytes()[:100])
    around = ViewedClassifier(make_classifier(), ("five-crop",))
    whole = around.logits([files[0], files[3], files[4]])
    rows: list[int] = []
    told: list[int] = []
    seen: list[int] = []
    for good, logits, failures in around.stream(files, batch_size=batch_size):
        assert logits == pytest.approx(whole[[[0, 3, 4].index(row) for row in good]], abs=1e-5)
        rows += good
        told += [row for row, _ in failures]
        seen += sorted([*good, *(row for row, _ in failures)])
    assert rows == [0, 3, 4]
    assert told == [1, 2, 5]
    assert seen == list(range(6))
    with pytest.raises(UnreadableImage, match=r"1\.png"):
        around.logits(files)


def test_views_of_several_models_each_with_its_own_size(tmp_path: Path) -> None:
    """A classifier made of others needs nothing of its own for views: each member makes its inputs."""
    file = make_files(tmp_path, 1)[0]
    members = [make_classifier(size=32), make_classifier(size=48, crop_pct=1.0, seed=1)]

    class Both:
        classes = CLASSES

        def stream(self, paths, *, batch_size, threads=None):
            first, second = (member.logits(paths) for member in members)
            yield list(range(len(paths))), np.log(softmax(first, axis=1) / 2 + softmax(second, axis=1) / 2), []

    kinds = ("five-crop",)
    found = np.exp(ViewedClassifier(Both(), kinds).logits([file])[0])
    first = np.exp(ViewedClassifier(members[0], kinds).logits([file])[0])
    other = np.exp(ViewedClassifier(members[1], kinds).logits([file])[0])
    assert found == pytest.approx((first + other) / 2, abs=1e-5)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(RecipeError, match="no views"):
        ViewedClassifier(make_classifier(), ("mirror",))
