"""What holds for every dialect, tried on every example file."""

import dataclasses
import functools
import json
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.checkpoints.examples import Example, Made, all_examples
from toprung.checkpoints.dialects import all_dialects
from toprung.checkpoints.files import WeightsFile, read_weights
from toprung.checkpoints.load import load_file, load_weights
from toprung.checkpoints.recognise import recognise
from toprung.errors import WeightsError
from toprung.models.catalogue import evaluating

EXAMPLES = {example.name: example for example in all_examples()}
NO_MODEL = {"ViTAE"}  # recognised, and refused by every model: timm has none of this kind
every_example = pytest.mark.parametrize("name", EXAMPLES)


@functools.cache
def made(name: str) -> tuple[Example, Made, WeightsFile]:
    folder = Path(tempfile.mkdtemp())
    example = EXAMPLES[name]
    result = example.make(folder)
    return example, result, read_weights(result.path)


@functools.cache
def target(name: str) -> nn.Module:
    torch.manual_seed(1)
    return EXAMPLES[name].model()


def test_every_dialect_has_an_example() -> None:
    assert {example.dialect for example in EXAMPLES.values()} == {d.NAME for d in all_dialects()} - NO_MODEL


@every_example
def test_exactly_one_dialect_claims_the_file(name: str) -> None:
    example, _, file = made(name)
    found = recognise(file)
    assert found is not None
    assert example.dialect == found.dialect.NAME
    claims = [dialect.NAME for dialect in all_dialects() if dialect.recognise(found.file)]
    assert [claim for claim in claims if claim != "timm"] == [d for d in (example.dialect,) if d != "timm"]


@every_example
def test_features_are_the_peers(name: str) -> None:
    example, result, _ = made(name)
    torch.manual_seed(2)
    model = example.model()
    report = load_weights(model, result.path)
    pictures = torch.randn(2, *example.input_size, generator=torch.Generator().manual_seed(3))
    with torch.no_grad(), evaluating(model):
        expected = result.features(pictures)
        found = example.ours(model, pictures)
    assert found.shape == expected.shape
    assert expected.std() > 1e-3, "an example whose features say nothing"
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert report.dialect == example.dialect
    assert not report.partial
    json.dumps(report.to_json())


@every_example
def test_a_file_that_lacks_a_required_tensor_is_refused(name: str) -> None:
    _, _, file = made(name)
    model = target(name)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    report = load_file(example_copy(name), file)
    spare = {key for key, _ in report.dropped}
    for key in file.tensors:
        if key in spare or key.endswith("num_batches_tracked"):  # a counter that nothing depends on
            continue
        less = {other: tensor for other, tensor in file.tensors.items() if other != key}
        with pytest.raises(WeightsError):
            load_file(model, dataclasses.replace(file, tensors=less))
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[key]), f"a refused file changed {key}"


def example_copy(name: str) -> nn.Module:
    torch.manual_seed(1)
    return EXAMPLES[name].model()


@every_example
@settings(max_examples=3)
@given(random=st.randoms(use_true_random=False))
def test_the_order_of_tensors_changes_nothing(name: str, random: object) -> None:
    _, _, file = made(name)
    names = list(file.tensors)
    random.shuffle(names)  # type: ignore[attr-defined]
    shuffled = dataclasses.replace(file, tensors={key: file.tensors[key] for key in names})
    first, second = example_copy(name), example_copy(name)
    torch.manual_seed(4)
    report = load_file(first, file)
    torch.manual_seed(4)
    again = load_file(second, shuffled)
    assert sorted(report.loaded) == sorted(again.loaded)
    assert sorted(report.dropped) == sorted(again.dropped)
    for key, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[key]), key


@every_example
def test_values_that_are_not_finite_are_refused(name: str) -> None:
    _, _, file = made(name)
    report = load_file(example_copy(name), file)
    spare = {key for key, _ in report.dropped}
    for bad in (float("nan"), float("inf")):
        key = next(k for k, t in file.tensors.items() if k not in spare and t.is_floating_point() and t.ndim > 1)
        spoiled: Tensor = file.tensors[key].clone()
        spoiled.view(-1)[-1] = bad
        with pytest.raises(WeightsError, match="NaN or infinite"):
            load_file(example_copy(name), dataclasses.replace(file, tensors=file.tensors | {key: spoiled}))
