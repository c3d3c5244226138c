from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.checkpoints.examples import mmpretrain_vit
from toprung.checkpoints.dialects import HALF, IMAGENET
from toprung.checkpoints.files import WeightsFile, read_weights
from toprung.checkpoints.load import load_weights
from toprung.checkpoints.recognise import recognise
from toprung.errors import WeightsMismatch
from toprung.models.catalogue import build_empty


def named(name: str, prefix: str) -> dict[str, Tensor]:
    state = build_empty(name, 1000, {}).state_dict()
    return {
        f"head.layers.{key}" if key.startswith("head") else prefix + mmpretrain_vit.theirs(key): tensor
        for key, tensor in state.items()
    }


@pytest.mark.parametrize("prefix", ["", "backbone."])
@pytest.mark.parametrize(
    "name", ["vit_base_patch16_224", "deit_small_distilled_patch16_224", "vit_large_patch14_dinov2"]
)
def test_full_size_files_are_recognised_and_named(name: str, prefix: str) -> None:
    found = recognise(WeightsFile(Path("vit.pth"), "torch", named(name, prefix), "state_dict"))
    assert found is not None
    assert found.dialect.NAME == "MMPretrain ViT"
    translation = found.dialect.translate(found.file, None)
    assert translation.leftover == ()
    assert translation.state.keys() == build_empty(name, 1000, {}).state_dict().keys()


def test_the_configuration_tells_mean_and_std(tmp_path: Path) -> None:
    made = mmpretrain_vit.classifier(tmp_path)
    assert load_weights(mmpretrain_vit.model(), made.path).preprocessing == HALF
    made = mmpretrain_vit.distilled(tmp_path)
    assert load_weights(mmpretrain_vit.deit(), made.path).preprocessing == IMAGENET


def test_a_classifier_of_as_many_classes_is_kept(tmp_path: Path) -> None:
    made = mmpretrain_vit.classifier(tmp_path)
    model = mmpretrain_vit.model()
    model.reset_classifier(11)
    load_weights(model, made.path)
    assert torch.equal(model.head.weight, read_weights(made.path).tensors["head.layers.head.weight"])


def test_averaged_features_do_not_go_into_a_model_that_reads_the_class_token(tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch, match="does not fit the model"):
        load_weights(mmpretrain_vit.model(), mmpretrain_vit.averaging(tmp_path).path)
