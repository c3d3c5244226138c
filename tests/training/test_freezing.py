from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from tests.pictures import make_pictures
from toprung import train
from toprung.errors import RecipeError
from toprung.runs.model import load_model
from toprung.training.freezing import Freezer, frozen_names, train_mode
from toprung.training.recipe import Recipe

FAST = {
    "model.name": "test_resnet",
    "model.weights": "none",
    "schedule.epochs": 2,
    "optimisation.batch_size": 4,
    "optimisation.weight_decay": 0.5,
    "hardware.precision": "fp32",
}


def trainable(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def test_vit_b16_with_a_prefix_of_8_blocks_frozen_has_29122024_trainable_parameters() -> None:
    with torch.device("meta"):
        model = timm.create_model("vit_base_patch16_224", num_classes=1000)
    Freezer(model).freeze("blocks:8")
    assert trainable(model) == 29_122_024
    # patches, token and positions belong to the prefix: the blocks alone would leave 742,656 more
    assert not any(getattr(model, name).requires_grad for name in ("cls_token", "pos_embed"))
    assert not any(parameter.requires_grad for parameter in model.patch_embed.parameters())


def test_all_but_the_head() -> None:
    model = timm.create_model("resnet18", num_classes=5)
    Freezer(model).freeze("backbone")
    assert {name for name, p in model.named_parameters() if p.requires_grad} == {"fc.weight", "fc.bias"}


def test_by_a_pattern_of_names() -> None:
    model = timm.create_model("resnet18", num_classes=5)
    Freezer(model).freeze(r"names:^(conv1|bn1|layer1)\.")
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert {name.split(".")[0] for name in frozen} == {"conv1", "bn1", "layer1"}


def test_unfreezing_gives_back_exactly_what_was_trainable_before() -> None:
    model = timm.create_model("vit_tiny_patch16_224")
    model.pos_embed.requires_grad_(False)  # as a model with fixed positions has it
    before = trainable(model)
    freezer = Freezer(model)
    freezer.freeze("blocks:4")
    assert trainable(model) < before
    freezer.freeze("none")
    assert trainable(model) == before
    assert not model.pos_embed.requires_grad


@pytest.mark.parametrize(
    ("what", "message"),
    [("blocks:13", "has 12 blocks"), ("names:^nothing", "finds no parameter; names look like"), ("names:.", "leaves")],
)
def test_what_the_model_does_not_have_is_refused(what: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Freezer(timm.create_model("vit_tiny_patch16_224")).freeze(what)


@pytest.mark.parametrize(
    "what", ["head", "blocks", "blocks:x", "blocks:-1", "names:", "names:(", "backbone:1", "none:2"]
)
def test_a_malformed_setting_is_refused(what: str) -> None:
    with pytest.raises(RecipeError, match=r"optimisation\.freeze"):
        Recipe().with_settings({"optimisation.freeze": what})


def test_frozen_layers_compute_as_in_evaluation() -> None:
    model = timm.create_model("resnet18", num_classes=3, drop_rate=0.5)
    Freezer(model).freeze("blocks:4")
    train_mode(model)
    assert not model.bn1.training
    assert not any(module.training for module in model.layer2.modules())  # 4 blocks: layers 1 and 2
    assert all(module.training for module in model.layer3.modules())
    assert model.fc.training


def test_no_chance_is_left_in_a_frozen_prefix() -> None:
    model = timm.create_model("vit_tiny_patch16_224", pos_drop_rate=0.5, drop_path_rate=0.5, proj_drop_rate=0.5)
    Freezer(model).freeze("blocks:12")
    train_mode(model)
    images = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(model.forward_features(images), model.forward_features(images))


def test_without_freezing_everything_trains() -> None:
    model = timm.create_model("test_vit").eval()
    train_mode(model)
    assert all(module.training for module in model.modules())


@pytest.mark.parametrize("what", ["backbone", r"names:^(conv1|bn1|layer1)\."])
def test_what_is_frozen_is_bit_identical_after_training(tmp_path: Path, what: str) -> None:
    # buffers too: BatchNorm's statistics; and a strong weight decay must not touch it
    pictures = make_pictures(tmp_path / "p", per_class=6)
    settings = FAST | {"optimisation.freeze": what}
    run = train(pictures, settings=settings, out=tmp_path / "run", progress=False)
    state = torch.load(tmp_path / "run" / "checkpoints" / "last.pt", weights_only=True)["model"]
    start, _ = load_start(run.recipe, len(run.classes))
    frozen = frozen_names(start, what)
    own = {name.rpartition(".")[0] for name in frozen}
    changed = {name for name, value in start.state_dict().items() if not torch.equal(value, state[name])}
    assert changed
    assert not {name for name in changed if name.rpartition(".")[0] in own}


def test_what_is_frozen_keeps_its_statistics_when_epochs_are_averaged(tmp_path: Path) -> None:
    pictures = make_pictures(tmp_path / "p", per_class=6)
    settings = FAST | {"optimisation.freeze": r"names:^(conv1|bn1|layer1)\.", "averaging.swa": True}
    run = train(pictures, settings=settings, out=tmp_path / "run", progress=False)
    start, _ = load_start(run.recipe, len(run.classes))
    averaged = load_model(tmp_path / "run" / "model")[0].state_dict()
    changed = {name for name, value in start.state_dict().items() if not torch.equal(value, averaged[name])}
    assert not {name for name in changed if name.startswith(("conv1.", "bn1.", "layer1."))}
    assert {name for name in changed if name.endswith("running_mean")}


def load_start(recipe: Recipe, classes: int) -> tuple[nn.Module, object]:
    from toprung.training.start import starting_model

    start = starting_model(recipe.model, [str(i) for i in range(classes)], seed=recipe.seed, background=(255, 255, 255))
    return start.module, start


def test_stages_freeze_then_train_and_each_has_its_own_optimiser(tmp_path: Path) -> None:
    pictures = make_pictures(tmp_path / "p", per_class=6)
    stages = [{"epochs": 1, "freeze": "backbone", "lr": 1e-2}, {"epochs": 2, "batch_size": 8, "lr": 1e-3}]
    settings = {name: value for name, value in FAST.items() if name != "schedule.epochs"} | {"stages": stages}
    run = train(pictures, settings=settings, out=tmp_path / "run", progress=False)
    state = torch.load(tmp_path / "run" / "checkpoints" / "last.pt", weights_only=True)
    start, _ = load_start(run.recipe, len(run.classes))
    assert run.record["epochs"] == 3
    assert state["progress"]["stage"] == 1
    steps = {int(entry["step"]) for entry in state["optimizer"]["state"].values()}
    assert len(steps) == 1  # every parameter joined at the second stage's start
    assert steps.pop() < state["progress"]["step"]
    assert len(state["optimizer"]["state"]) == len(list(start.parameters()))
    load_model(tmp_path / "run" / "model")
