"""The whole way: what is told when a plate cannot be used, what is passed on, and what is refused."""

import numpy as np
import pytest
from benchmarks.cutout_cases import make_case
from benchmarks.cutout_metrics import iou, mae

import toprung
from toprung.errors import CutoutError


@pytest.fixture(scope="module")
def case():
    return make_case(21, "plain", "photograph", "test", (240, 320))


@pytest.fixture(scope="module")
def cut(case):
    return toprung.cutout(case.photo, case.plate)


def test_a_plate_gives_a_cutout_with_all_its_parts(case, cut):
    assert cut.alpha.shape == case.alpha.shape and cut.alpha.dtype == np.float32
    assert cut.alpha.min() >= 0 and cut.alpha.max() <= 1
    assert cut.foreground.shape == case.photo.shape and cut.foreground.dtype == np.float32
    assert cut.alignment.ok and cut.background.source == "plate"
    assert iou(cut.alpha, case.alpha) > 0.97 and mae(cut.alpha, case.alpha) < 0.01
    assert {"plate", "grabcut", "fused"} <= {candidate.name for candidate in cut.candidates}
    assert cut.chosen == cut.candidates[0].name
    assert np.array_equal(cut.alpha, cut.candidates[0].alpha)
    expected = [candidate.expected_error for candidate in cut.candidates]
    assert expected == sorted(expected) and cut.verdict.expected_error == expected[0]


def test_the_photo_is_laid_together_again(case, cut):
    """alpha F + (1 - alpha) B is the photo, in the encoding in which the case was made."""
    share = cut.alpha[..., None]
    soft = (cut.alpha > 0.05) & (cut.alpha < 0.95)
    again = share * cut.foreground + (1 - share) * cut.background.rgb
    assert np.abs(again - case.photo / 255.0)[~soft & cut.background.valid].mean() < 0.03


def test_a_plate_of_another_scene_is_told_and_not_used(case):
    other = make_case(99, "plain", "photograph", "test", (240, 320))
    cut = toprung.cutout(case.photo, other.plate)
    assert not cut.alignment.ok
    assert cut.verdict.status != "good"
    assert cut.verdict.reasons[0].startswith("The plate was not used, as it could not be aligned:")
    assert not any("alignment is expected to be off" in reason for reason in cut.verdict.reasons)


def test_a_plate_with_itself_is_empty(case):
    cut = toprung.cutout(case.plate, case.plate)
    assert not cut.alpha.any()
    assert cut.verdict.status == "check" and cut.verdict.reasons[0].startswith("No object is seen")


def test_methods_by_name(case):
    cut = toprung.cutout(case.photo, case.plate, methods=["difference", "closed-form"])
    assert {candidate.name for candidate in cut.candidates} == {"difference", "closed-form", "fused"}
    assert cut.disagreement.max() > 0


def test_smooth_paper_needs_no_plate():
    made = make_case(2, "plain", "paper", "test", (240, 320))
    cut = toprung.cutout(made.photo)
    assert cut.background.source == "border" and cut.alignment is None
    assert iou(cut.alpha, made.alpha) > 0.9


def test_the_same_photo_gives_the_same_bits(case, cut):
    again = toprung.cutout(case.photo, case.plate)
    assert np.array_equal(again.alpha, cut.alpha) and np.array_equal(again.foreground, cut.foreground)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"second_plate": np.zeros((24, 24, 3))}, "needs its second photo"),
        ({"second": np.zeros((24, 24, 3))}, "same camera, cropped alike"),
        ({"methods": ["plat"]}, "No cutout method is called 'plat'. Did you mean plate"),
        ({"trimap": np.zeros((24, 24, 3))}, "give one of the photo's size"),
        ({"trimap": np.full((240, 320), 0.5)}, "grey everywhere"),
    ],
    ids=["second plate alone", "second of another size", "method", "trimap of another size", "grey trimap"],
)
def test_pictures_that_do_not_go_together_are_one_sentence(case, keywords, message):
    with pytest.raises(CutoutError, match=message):
        toprung.cutout(case.photo, **keywords)
