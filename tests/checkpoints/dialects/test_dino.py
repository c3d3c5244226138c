"""What only concerns DINO and iBOT: whose a headless ViT is, and linear classifiers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.checkpoints.examples._projectors import of_dino
from tests.checkpoints.examples._vit_forward import made_up
from tests.checkpoints.examples.dino import full_vit, model
from toprung.checkpoints.dialects import dino, ibot, mae
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch

HEADLESS = made_up(48, 4)


def a_file(tensors: dict[str, Tensor], wrapper: str = "", name: str = "weights.pth", **beside: Any) -> WeightsFile:
    return WeightsFile(Path(name), "torch", tensors, wrapper, **beside)


@pytest.mark.parametrize(("wrapper", "owner"), [("", dino), ("state_dict", ibot), ("model", mae)])
def test_the_wrapper_tells_whose_a_headless_vit_is(wrapper: str, owner: object) -> None:
    file = a_file(HEADLESS, wrapper)
    assert [dialect for dialect in (dino, ibot, mae) if dialect.recognise(file)] == [owner]


def test_headless_files_of_timm_and_lightning_are_not_claimed() -> None:
    card = {"architecture": "vit_small_patch16_224", "pretrained_cfg": {}}
    others = [
        a_file(HEADLESS, name="model.safetensors"),
        a_file(HEADLESS, config=card),
        a_file(HEADLESS, "state_dict", entries={"arch": "vit_small_patch16_224"}),
        a_file(HEADLESS, "state_dict", entries={"pytorch-lightning_version": "2.4.0"}),
        a_file(HEADLESS | {"head.weight": torch.ones(3, 48), "head.bias": torch.ones(3)}),
        a_file(HEADLESS | {"reg_token": torch.ones(1, 4, 48)}),
    ]
    assert not any(dialect.recognise(file) for file in others for dialect in (dino, ibot))


def test_a_projector_for_patches_is_ibots() -> None:
    backbone = {f"backbone.{name}": tensor for name, tensor in HEADLESS.items()}
    one, two = backbone | of_dino("head.", 48), backbone | of_dino("head.", 48, second=True)
    assert dino.recognise(a_file(one, "teacher"))
    assert not ibot.recognise(a_file(one, "teacher"))
    assert ibot.recognise(a_file(two, "teacher"))
    assert not dino.recognise(a_file(two, "teacher"))
    shared = a_file(one, "teacher", entries={"ibot_loss": {}})
    assert ibot.recognise(shared)
    assert not dino.recognise(shared)


def test_the_projector_is_accounted_for(tmp_path: Path) -> None:
    report = load_weights(model(), full_vit(tmp_path).path)
    reasons = {reason for name, reason in report.dropped if name.startswith("head.")}
    assert reasons == {"DINO's projector, which only its training needs"}
    assert report.head_start == "normal of std 0.01, as DINO's linear evaluation"


def test_a_linear_classifier_alone_is_refused_with_the_reason(tmp_path: Path) -> None:
    linear = {"module.linear.weight": torch.ones(1000, 1536), "module.linear.bias": torch.ones(1000)}
    torch.save({"epoch": 100, "state_dict": linear}, tmp_path / "dino_deitsmall16_linearweights.pth")
    with pytest.raises(WeightsMismatch, match="linear classifier for 1536 features"):
        load_weights(model(), tmp_path / "dino_deitsmall16_linearweights.pth")
