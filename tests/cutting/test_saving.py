from pathlib import Path

import numpy as np
import pytest

from tests.cutting import stub_cutters
from tests.images.make_content import encode, smooth
from toprung.cutting.photo import open_photo
from toprung.cutting.result import Cutout
from toprung.cutting.saving import save_cutout
from toprung.errors import CutoutError


@pytest.fixture
def cut(tmp_path: Path) -> Cutout:
    (tmp_path / "photo.png").write_bytes(encode(smooth(), "PNG"))
    return stub_cutters.dark(tmp_path / "photo.png")


@pytest.mark.parametrize(("name", "bits"), [("a.png", 8), ("a.b.WEBP", 8), ("sub/a.tif", 16), ("a.tiff", 16)])
def test_the_ending_decides(tmp_path: Path, cut: Cutout, name: str, bits: int) -> None:
    for _ in range(2):
        assert save_cutout(cut, tmp_path / name) == tmp_path / name
    back = open_photo(tmp_path / name)
    assert back.bits == bits
    assert back.alpha is not None
    assert np.abs(back.alpha - cut.alpha).max() <= 0.5001 / (2**bits - 1)


def test_other_endings_and_the_photo_itself_are_refused(tmp_path: Path, cut: Cutout) -> None:
    with pytest.raises(CutoutError, match=r"a\.jpg: its ending must be one of \.png"):
        save_cutout(cut, tmp_path / "a.jpg")
    with pytest.raises(CutoutError, match="is the photo itself"):
        save_cutout(cut, tmp_path / "photo.png")
