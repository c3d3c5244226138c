"""What only concerns OpenCLIP around timm: the trunk's own head, mean and std, and names that are not known."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch

from tests.checkpoints.examples.openclip_timm import EVA, SIGLIP, SMALL, build, made
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch

eva = partial(made, tower=EVA, sizes=SMALL, pool="token", proj=None)
siglip = partial(made, tower=SIGLIP, sizes=SMALL, pool="map", proj="none")


def test_the_trunks_own_head_is_a_projection(tmp_path: Path) -> None:
    report = load_weights(build(EVA, SMALL, num_classes=7), eva(tmp_path).path)
    reasons = {reason for name, reason in report.dropped if name.startswith("visual.trunk.head.")}
    assert reasons == {"projection into the space shared with texts; the model's head is another"}


def test_a_head_as_wide_as_the_projection_is_told(tmp_path: Path) -> None:
    report = load_weights(build(EVA, SMALL, num_classes=48), eva(tmp_path).path)
    assert not report.missing
    assert any("is the head, as in timm's files" in text for text in report.assumptions)


def test_the_configuration_tells_mean_and_std(tmp_path: Path) -> None:
    assert not load_weights(build(SIGLIP, SMALL, num_classes=7), siglip(tmp_path).path).preprocessing
    config = {"model_cfg": {}, "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.5, 0.5], "size": [32, 32]}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    report = load_weights(build(SIGLIP, SMALL, num_classes=7), tmp_path)
    assert report.preprocessing == {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.5, 0.5)}


def test_another_tower_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch, match="does not fit"):
        load_weights(build(SIGLIP, SMALL, num_classes=7), eva(tmp_path).path)


@pytest.mark.parametrize("name", ["visual.secret", "secret.weight"])
def test_unknown_names_are_refused(tmp_path: Path, name: str) -> None:
    file = siglip(tmp_path).path
    torch.save(torch.load(file) | {name: torch.ones(3)}, file)
    with pytest.raises(WeightsMismatch, match=name):
        load_weights(build(SIGLIP, SMALL, num_classes=7), file)
