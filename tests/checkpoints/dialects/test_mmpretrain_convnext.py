from pathlib import Path

import pytest
import torch

from tests.checkpoints.examples import mmpretrain_convnext
from toprung.checkpoints.dialects.mmpretrain_convnext import TABLE
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.load import load_weights
from toprung.checkpoints.recognise import recognise
from toprung.errors import WeightsMismatch
from toprung.models.catalogue import build_empty


@pytest.mark.parametrize("name", ["convnext_tiny", "convnext_xlarge", "convnextv2_base"])
def test_full_size_files_are_recognised_and_named(name: str) -> None:
    state = build_empty(name, 1000, {}).state_dict()
    named = {("" if key.startswith("head.fc") else "backbone.") + TABLE.backward(key)[0]: t for key, t in state.items()}
    found = recognise(WeightsFile(Path("convnext.pth"), "torch", named, "state_dict"))
    assert found is not None
    assert found.dialect.NAME == "MMPretrain ConvNeXt"
    assert found.dialect.translate(found.file, None).state.keys() == state.keys()


def test_norms_of_a_detector_are_refused(tmp_path: Path) -> None:
    made = mmpretrain_convnext.first(tmp_path)
    content = torch.load(made.path)
    content["state_dict"]["backbone.norm0.weight"] = torch.ones(32)
    torch.save(content, made.path)
    with pytest.raises(WeightsMismatch, match="norm0"):
        load_weights(mmpretrain_convnext.tiny(), made.path)
