"""Which file of a folder a rung starts from, and the rungs that an offline ladder makes of what there is."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
from safetensors.torch import save_file

from toprung.errors import DataError, WeightsError
from toprung.ladder.climb import expanding
from toprung.ladder.climb.expanding import with_weights
from toprung.ladder.climb.ladder_file import Rung, parse_ladder
from toprung.ladder.climb.weights_found import FoundWeights, cached_models, file_for, weights_files
from toprung.ladder.display import Silent

MODEL = "vit_large_patch32_224.orig_in21k"


def files(folder: Path, *names: str) -> list[Path]:
    """Make empty files."""
    for name in names:
        (folder / name).write_bytes(b"x")
    return [folder / name for name in names]


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (("other.pth", "step.pth", f"{MODEL}.pth"), "step.pth"),
        (("other.pth", f"{MODEL}.safetensors", "vit_large_patch32_224.pth"), f"{MODEL}.safetensors"),
        (("other.pth", "vit_large_patch32_224.pth"), "vit_large_patch32_224.pth"),
        (("other.pth", "jx_vit_large_patch32_224_in21k-9046d2e7.pth"), "jx_vit_large_patch32_224_in21k-9046d2e7.pth"),
        (("other.pth", "mine.pth"), "mine.pth"),
        (("other.pth",), None),
    ],
)
def test_the_order_of_names(tmp_path: Path, names: tuple[str, ...], chosen: str | None) -> None:
    rung = Rung("step", model=MODEL)
    fits = {str(tmp_path / "mine.pth"): ["vit_large_patch32_224"], str(tmp_path / "other.pth"): ["resnet18"]}
    found = file_for(rung, files(tmp_path, *names), fits, ["jx_vit_large_patch32_224_in21k-9046d2e7"])
    assert (None if found is None else found.name) == chosen


def test_two_files_that_fit_are_not_guessed_at(tmp_path: Path) -> None:
    both = files(tmp_path, "a.pth", "b.pth")
    fits = {str(file): ["vit_large_patch32_224"] for file in both}
    assert file_for(Rung("step", model=MODEL), both, fits, []) is None


def test_a_folder_without_weights(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(WeightsError, match="holds no weights file"):
        weights_files(tmp_path)
    with pytest.raises(WeightsError, match="there is no folder"):
        weights_files(tmp_path / "nowhere")


def test_the_hubs_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "models--timm--resnet18.a1_in1k" / "snapshots" / "abc"
    place.mkdir(parents=True)
    (place / "model.safetensors").write_bytes(b"x")
    (tmp_path / "models--timm--half" / "snapshots" / "abc").mkdir(parents=True)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert cached_models() == ["resnet18.a1_in1k"]


OFFLINE = """
[[rung]]
name = "probe"
for_each = "weights"
preset = "probe"
[[rung]]
name = "swa"
from = "best"
preset = "swa"
[[rung]]
name = "fusion"
kind = "fusion"
of = ["probe", "swa"]
"""


def test_a_rung_for_each_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [FoundWeights("package:p", "tf_efficientnet_lite0"), FoundWeights("/w/vit.pth", "vit_small_patch14_dinov2")]
    monkeypatch.setattr(expanding, "on_this_disk", lambda files, fits: found)
    ladder, _ = with_weights(parse_ladder(OFFLINE, "o.toml", "o"), None, Silent())
    names = [rung.name for rung in ladder.rungs]
    assert names == ["tf_efficientnet_lite0-probe", "vit_small_patch14_dinov2-probe", "swa", "fusion"]
    assert [rung.weights for rung in ladder.rungs[:2]] == ["package:p", "/w/vit.pth"]
    assert ladder.rungs[3].members == ("tf_efficientnet_lite0-probe", "vit_small_patch14_dinov2-probe", "swa")


def test_no_weights_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expanding, "on_this_disk", lambda files, fits: [])
    with pytest.raises(WeightsError, match="none are known"):
        with_weights(parse_ladder(OFFLINE, "o.toml", "o"), None, Silent())


def test_going_on_from_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expanding, "on_this_disk", lambda files, fits: [FoundWeights("a", "b"), FoundWeights("c", "d")])
    text = OFFLINE.replace('from = "best"', 'from = "probe"')
    with pytest.raises(DataError, match="stands for several rungs; use 'best'"):
        with_weights(parse_ladder(text, "o.toml", "o"), None, Silent())


def test_files_are_recognised_by_what_they_hold(tmp_path: Path) -> None:
    """A file of any name goes to the rung whose model it fits."""
    save_file(timm.create_model("test_vit", num_classes=0).state_dict(), tmp_path / "download(3).safetensors")
    text = '[[rung]]\nname = "a"\nmodel = "resnet18"\n[[rung]]\nname = "b"\nmodel = "test_vit"\n'
    _, given = with_weights(parse_ladder(text, "o.toml", "o"), tmp_path, Silent())
    assert given == {"b": str(tmp_path / "download(3).safetensors")}
