import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import nn

from tests.ladder.spoil import spoil
from toprung.data.preprocessing import Preprocessing
from toprung.errors import ModelError, RunError, ToprungError, WeightsMismatch
from toprung.runs.model import ModelCard, load_model, read_card, weights_fingerprint, write_card
from toprung.runs.weights_file import write_weights

CARD = ModelCard(
    architecture="test_vit",
    arguments={"img_size": 32, "drop_path_rate": 0.1},
    classes=("Katze", "犬", "a/b", ""),
    preprocessing=Preprocessing((32, 32), mean=(0.5, 0.25, 1 / 3), interpolation="bilinear", background=(1, 2, 3)),
    recipe={"seed": 3, "model": {"name": "test_vit"}},
    data_hash="abc",
)


def saved(folder: Path, card: ModelCard = CARD) -> nn.Module:
    """Write a model as training does and return it."""
    torch.manual_seed(1)
    model = timm.create_model(card.architecture, num_classes=len(card.classes), **card.arguments)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(0.02 * torch.randn_like(tensor).abs())
            else:
                tensor.add_(41)
    write_card(folder, card)
    write_weights(folder / "model.safetensors", model)
    return model.eval()


# seven classes: safetensors puts what follows the head's bias at addresses that are multiples of 4 only
@pytest.mark.parametrize("classes", [3, 7])
@pytest.mark.parametrize(
    ("name", "arguments", "side"),
    [
        ("test_vit", {"img_size": 32, "global_pool": "avg"}, 32),
        ("test_resnet", {}, 64),
        ("test_efficientnet", {"drop_rate": 0.2}, 64),
        ("convnext_atto", {}, 64),
        ("swin_tiny_patch4_window7_224", {}, 224),
    ],
)
def test_a_loaded_model_answers_bit_for_bit(
    tmp_path: Path, name: str, arguments: dict[str, Any], side: int, classes: int
) -> None:
    card = replace(CARD, architecture=name, arguments=arguments, classes=tuple("abcdefg"[:classes]))
    model = saved(tmp_path, card)
    loaded, found = load_model(tmp_path)
    assert found == card
    for (key, ours), expected in zip(loaded.state_dict().items(), model.state_dict().values(), strict=True):
        assert torch.equal(ours, expected), key
    for pictures in (1, 2):
        images = torch.randn(pictures, 3, side, side)
        with torch.inference_mode():
            assert torch.equal(loaded(images), model(images))


def test_a_loaded_model_is_ready_to_predict_and_outlives_a_newer_file(tmp_path: Path) -> None:
    model = saved(tmp_path)
    loaded, _ = load_model(tmp_path)
    assert not any(module.training for module in loaded.modules())
    assert not any(parameter.requires_grad or parameter.is_meta for parameter in loaded.parameters())
    write_weights(tmp_path / "model.safetensors", nn.Linear(2, 2))  # renamed over it, as a better epoch does
    images = torch.randn(1, 3, 32, 32)
    assert torch.equal(loaded(images), model(images).detach())


def test_a_card_survives_the_file(tmp_path: Path) -> None:
    write_card(tmp_path, CARD)
    assert read_card(tmp_path) == CARD
    assert "犬" in (tmp_path / "model.json").read_text(encoding="utf-8")


def test_a_class_whose_folder_has_no_utf8_name_survives_the_file(tmp_path: Path) -> None:
    odd = replace(CARD, classes=(b"caf\xe9".decode("utf-8", "surrogateescape"), "tea"))
    write_card(tmp_path, odd)
    assert read_card(tmp_path) == odd


def test_writing_weights_leaves_the_model_alone(tmp_path: Path) -> None:
    model = timm.create_model("test_resnet", num_classes=2).to(memory_format=torch.channels_last).train()
    before = {key: (tensor.clone(), tensor.stride()) for key, tensor in model.state_dict().items()}
    write_weights(tmp_path / "w.safetensors", model)
    assert model.training
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[key][0])
        assert tensor.stride() == before[key][1]
    stored = load_file(tmp_path / "w.safetensors")
    assert all(torch.equal(stored[key], tensor) for key, (tensor, _) in before.items())


class _Trap:
    def __init__(self, file: Path) -> None:
        self.file = str(file)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.file, "w")


@pytest.mark.parametrize("write", [torch.save, lambda content, file: file.write_bytes(pickle.dumps(content))])
def test_a_pickle_in_place_of_the_weights_is_refused_and_not_executed(tmp_path: Path, write: Any) -> None:
    saved(tmp_path)
    write({"head.weight": _Trap(tmp_path / "executed")}, tmp_path / "model.safetensors")
    with pytest.raises(RunError, match=r"model\.safetensors is damaged"):
        load_model(tmp_path)
    assert not (tmp_path / "executed").exists()


def test_a_card_cannot_make_timm_open_another_file(tmp_path: Path) -> None:
    saved(tmp_path)
    torch.save({"head.weight": _Trap(tmp_path / "executed")}, tmp_path / "evil.pth")
    content = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    content["arguments"]["checkpoint_path"] = str(tmp_path / "evil.pth")
    (tmp_path / "model.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RunError, match=r"model\.json is damaged: unknown model arguments checkpoint_path"):
        load_model(tmp_path)
    assert not (tmp_path / "executed").exists()


def test_missing_parts_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"holds no model: model\.json is missing"):
        load_model(tmp_path)
    write_card(tmp_path, CARD)
    with pytest.raises(RunError, match="no epoch of this run was finished"):
        load_model(tmp_path)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    saved(tmp_path)
    content = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    (tmp_path / "model.json").write_text(json.dumps(content | {"format": 2}), encoding="utf-8")
    with pytest.raises(RunError, match=r"newer toprung \(model format 2, this one reads up to 1\); update"):
        load_model(tmp_path)


@settings(max_examples=30)
@given(share=st.floats(0, 1, exclude_max=True))
def test_truncated_weights_are_refused(tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    folder = tmp_path_factory.mktemp("model")
    write_card(folder, CARD)
    save_file({"w": torch.zeros(100)}, folder / "model.safetensors")
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: int(share * len(content))])
    with pytest.raises(RunError, match="is damaged"):
        load_model(folder)


@pytest.mark.parametrize("change", ["one missing", "one more", "one larger"])
def test_weights_of_another_architecture_are_refused(tmp_path: Path, change: str) -> None:
    saved(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    if change == "one missing":
        del state["norm.weight"]
    elif change == "one more":
        state["norm.gamma"] = torch.zeros(1)
    else:
        state["norm.weight"] = torch.zeros(len(state["norm.weight"]) + 1)
    save_file({key: tensor.clone() for key, tensor in state.items()}, tmp_path / "model.safetensors")
    with pytest.raises(WeightsMismatch, match=r"does not fit test_vit: .*norm\.(weight|gamma)") as error:
        load_model(tmp_path)
    assert "\n" not in str(error.value)


def test_an_architecture_that_timm_no_longer_has_is_named(tmp_path: Path) -> None:
    write_card(tmp_path, replace(CARD, architecture="vit_of_the_future"))
    with pytest.raises(ModelError, match="no model 'vit_of_the_future'"):
        load_model(tmp_path)


@settings(max_examples=150)
@given(data=st.data())
def test_a_card_damaged_anywhere_is_a_card_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("card")
    write_card(folder, CARD)
    file = folder / "model.json"
    file.write_text(json.dumps(spoil(data, json.loads(file.read_text(encoding="utf-8")))), encoding="utf-8")
    try:
        card = read_card(folder)
    except ToprungError as error:
        assert str(file) in str(error)
        return
    assert all(isinstance(name, str) for name in card.classes)
    assert len(card.preprocessing.mean) == len(card.preprocessing.std) == len(card.preprocessing.background) == 3
    assert min(card.preprocessing.size) >= 1
    write_card(folder, card)
    assert read_card(folder) == card


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b"\xff", b"[" * 100_000, b'{"format": null}'])
def test_a_card_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.json").write_bytes(content)
    with pytest.raises(RunError, match=r"model\.json is damaged"):
        read_card(tmp_path)


def test_the_fingerprint_changes_with_either_file(tmp_path: Path) -> None:
    saved(tmp_path)
    first = weights_fingerprint(tmp_path)
    assert weights_fingerprint(tmp_path) == first
    write_card(tmp_path, replace(CARD, data_hash="abd"))
    second = weights_fingerprint(tmp_path)
    weights = bytearray((tmp_path / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(weights)
    assert len({first, second, weights_fingerprint(tmp_path)}) == 3
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(RunError, match=r"model\.safetensors cannot be read"):
        weights_fingerprint(tmp_path)


def test_large_tensors_are_mapped_and_aligned(tmp_path: Path) -> None:
    """Anonymous memory must not grow by the model; what is mapped starts at multiples of 64 bytes."""
    from safetensors.torch import load_file

    from toprung.runs.weights_file import read_weights

    model = nn.Sequential(nn.Linear(512, 512), nn.Linear(512, 7), nn.Linear(7, 512))
    write_weights(tmp_path / "w.safetensors", model)
    first = load_file(tmp_path / "w.safetensors")
    assert min(tensor.data_ptr() for tensor in first.values()) % 64 == 0
    read = read_weights(tmp_path / "w.safetensors")
    assert all(tensor.data_ptr() % 64 == 0 for tensor in read.values())
    assert all(torch.equal(read[name], tensor) for name, tensor in model.state_dict().items())
    mapped = Path("/proc/self/maps")
    if mapped.exists():
        where = [line.split("-")[0] for line in mapped.read_text().splitlines() if str(tmp_path) in line]
        assert where, "the file is not mapped"


def test_a_number_beyond_floats_in_a_card_is_damage(tmp_path: Path) -> None:
    write_card(tmp_path, CARD)
    text = (tmp_path / "model.json").read_text(encoding="utf-8")
    (tmp_path / "model.json").write_text(text.replace('"crop_pct": ', f'"crop_pct": {"9" * 400}, "was": '))
    with pytest.raises(RunError, match="damaged"):
        read_card(tmp_path)
