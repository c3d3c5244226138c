"""What only concerns bubbliiiing's ViT, which no tensor tells from timm's."""

import shutil
from pathlib import Path

import pytest
import torch

from tests.checkpoints.examples.bubbliiiing import model, saved
from toprung.checkpoints.dialects import bubbliiiing
from toprung.checkpoints.files import read_weights
from toprung.checkpoints.load import load_weights


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("vit-patch_16.pth", True),
        ("last_epoch_weights.pth", True),
        ("ep005-loss1.234-val_loss0.987.pth", True),
        ("weights.pth", False),
        ("vit-patch_16.pth.tar", False),
        ("ep5-loss1.2-val_loss0.9.pth", False),
    ],
)
def test_only_the_names_that_its_code_gives_are_recognised(tmp_path: Path, name: str, own: bool) -> None:
    assert bubbliiiing.recognise(read_weights(saved(tmp_path, name).path)) == own


def test_the_same_name_with_a_wrapper_is_not_its_own(tmp_path: Path) -> None:
    path = saved(tmp_path, "best_epoch_weights.pth").path
    torch.save({"model": torch.load(path)}, path)
    assert not bubbliiiing.recognise(read_weights(path))


def test_a_renamed_file_can_be_named_by_hand(tmp_path: Path) -> None:
    made = saved(tmp_path, "vit-patch_16.pth")
    shutil.move(made.path, tmp_path / "renamed.pth")
    peer = model().eval()
    report = load_weights(peer, tmp_path / "renamed.pth", dialect="bubbliiiing ViT")
    assert "activation: gelu_tanh" in report.adjusted
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(peer.forward_features(x), made.features(x), atol=1e-4, rtol=1e-4)  # type: ignore[operator]
