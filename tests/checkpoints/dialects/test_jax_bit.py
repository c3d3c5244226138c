from pathlib import Path

import pytest
import timm
import torch

from tests.checkpoints.examples import jax_bit
from toprung.checkpoints.dialects import HALF
from toprung.checkpoints.dialects.jax_bit import TABLE
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch


def test_every_tensor_of_timms_model_has_a_name_in_the_file() -> None:
    with torch.device("meta"):
        state = timm.create_model("resnetv2_50x1_bit", num_classes=21843).state_dict()
    for name in state:
        (theirs,) = TABLE.backward(name)
        assert TABLE.forward(theirs) == name


def test_the_classifier_is_kept_for_as_many_classes(tmp_path: Path) -> None:
    made = jax_bit.write(tmp_path)
    model = jax_bit.model(num_classes=11)
    report = load_weights(model, made.path)
    assert report.missing == ()
    assert report.preprocessing == HALF
    pictures = torch.randn(2, 3, 64, 64)
    given = jax_bit.arrays()
    kernel = torch.from_numpy(given["resnet/head/conv2d/kernel"][0, 0])
    expected = made.features(pictures).mean(dim=(2, 3)) @ kernel + torch.from_numpy(given["resnet/head/conv2d/bias"])
    torch.testing.assert_close(model.eval()(pictures), expected, atol=1e-3, rtol=1e-3)


def test_a_stem_that_pads_otherwise_is_refused(tmp_path: Path) -> None:
    made = jax_bit.write(tmp_path)
    with pytest.raises(WeightsMismatch, match="pads by one pixel"):
        load_weights(jax_bit.model(stem_type=""), made.path)
