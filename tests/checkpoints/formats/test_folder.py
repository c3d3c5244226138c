import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.checkpoints.formats.helpers import STATE, assert_same, refused
from toprung.checkpoints.files import read_weights
from toprung.errors import WeightsError

NAMES = list(STATE)


def save(state: dict[str, torch.Tensor], file: Path) -> None:
    save_file(state, file) if file.suffix == ".safetensors" else torch.save(state, file)


def sharded(folder: Path, stem: str = "model", suffix: str = ".safetensors", **places: Any) -> Path:
    """Write one tensor to each shard, and the index."""
    weight_map = {}
    for number, (name, tensor) in enumerate(STATE.items(), 1):
        shard = f"{stem}-{number:05}-of-{len(STATE):05}{suffix}"
        save({name: tensor}, folder / shard)
        weight_map[name] = shard
    index = folder / f"{stem}{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 32}, "weight_map": weight_map | places}))
    return index


@pytest.mark.parametrize(
    "name",
    [
        "model.safetensors", "pytorch_model.bin", "open_clip_model.safetensors", "open_clip_pytorch_model.bin",
        "best.pth", "last.ckpt", "weights.pt", "r-50.pth.tar",
    ],
)  # fmt: skip
def test_folders_with_one_file(tmp_path: Path, name: str) -> None:
    save(STATE, tmp_path / name)
    config = "open_clip_config.json" if name.startswith("open_clip") else "config.json"
    (tmp_path / config).write_text('{"model_type": "vit"}')
    torch.save({}, tmp_path / "training_args.bin")
    for given in (tmp_path, tmp_path / name):
        found = read_weights(given)
        assert_same(found.tensors, STATE)
        assert found.path == given
        assert found.config == {"model_type": "vit"}


def test_safetensors_is_preferred_to_what_says_the_same(tmp_path: Path) -> None:
    save(STATE, tmp_path / "model.safetensors")
    torch.save({"other": torch.zeros(1)}, tmp_path / "pytorch_model.bin")
    assert_same(read_weights(tmp_path).tensors, STATE)


@pytest.mark.parametrize(("stem", "suffix"), [("model", ".safetensors"), ("pytorch_model", ".bin")])
def test_sharded_models(tmp_path: Path, stem: str, suffix: str) -> None:
    index = sharded(tmp_path, stem, suffix)
    (tmp_path / "config.json").write_text('{"a": 1}')
    shard = tmp_path / f"{stem}-00002-of-00002{suffix}"
    for given in (tmp_path, index, shard):
        found = read_weights(given)
        assert_same(found.tensors, STATE)
        assert found.format == ("sharded safetensors" if suffix == ".safetensors" else "sharded torch")
        assert (found.path, found.config) == (given, {"a": 1})


def test_shards_as_transformers_saves_them(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, image_size=16, patch_size=8
    )
    model = transformers.ViTModel(config)
    model.save_pretrained(tmp_path, max_shard_size="8KB")
    shards = [load_file(file) for file in tmp_path.glob("model-*-of-*.safetensors")]
    assert len(shards) > 1
    found = read_weights(tmp_path)
    assert found.format == "sharded safetensors"
    assert_same(found.tensors, {name: tensor for shard in shards for name, tensor in shard.items()})
    assert len(found.tensors) == len(model.state_dict())
    assert found.config["model_type"] == "vit"


def test_one_shard_alone_is_refused(tmp_path: Path) -> None:
    index = sharded(tmp_path)
    index.unlink()
    message = refused(tmp_path / "model-00001-of-00002.safetensors")
    assert "one shard of several" in message
    assert index.name in message


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    sharded(tmp_path)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    assert "model-00002-of-00002.safetensors that" in refused(tmp_path)


def test_a_tensor_that_its_shard_lacks_is_named(tmp_path: Path) -> None:
    sharded(tmp_path, gone="model-00001-of-00002.safetensors")
    assert "lacks 'gone'" in refused(tmp_path)


@pytest.mark.parametrize(
    "place", ["../x.safetensors", "/etc/passwd", "a/b.bin", "..", ".", "", "a\\b", "a\0b", 3, None, []]
)
def test_an_index_leads_nowhere_else(tmp_path: Path, place: Any) -> None:
    assert "is not followed" in refused(sharded(tmp_path, evil=place))


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "no readable JSON"), ("[]", "no JSON table"),
     ("{}", "no weight_map"), ('{"weight_map": {}}', "no weight_map"),
     ('{"weight_map": []}', "no weight_map"), ("[" * 100_000, "no readable JSON"), ("\xff", "no weight_map")],
)  # fmt: skip
def test_damaged_indexes(tmp_path: Path, content: str, said: str) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_bytes(content.encode("latin-1"))
    assert said in refused(index) or content == "\xff"


def test_large_json_is_not_read(tmp_path: Path) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_bytes(b" " * (1 << 25))
    assert "more than any such file" in refused(index)


def test_wrapping_prefixes_of_all_shards_are_taken_off(tmp_path: Path) -> None:
    save({"module.a": torch.zeros(1)}, tmp_path / "model-00001-of-00002.safetensors")
    save({"module.b": torch.ones(1)}, tmp_path / "model-00002-of-00002.safetensors")
    places = {f"module.{name}": f"model-0000{i}-of-00002.safetensors" for i, name in enumerate("ab", 1)}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    assert_same(read_weights(tmp_path).tensors, {"a": torch.zeros(1), "b": torch.ones(1)})


def test_several_files_or_none_are_refused(tmp_path: Path) -> None:
    message = refused(tmp_path)
    assert "model.safetensors" in message
    assert "there is no weights file" in message
    torch.save(STATE, tmp_path / "a.pth")
    torch.save(STATE, tmp_path / "b.pth")
    assert "2 weights files (a.pth, b.pth)" in refused(tmp_path)


def test_links_into_a_cache_are_followed(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshot").mkdir()
    save_file(STATE, tmp_path / "blobs" / "0123")
    (tmp_path / "snapshot" / "model.safetensors").symlink_to("../blobs/0123")
    (tmp_path / "snapshot" / "config.json").write_text('{"a": 1}')
    found = read_weights(tmp_path / "snapshot")
    assert_same(found.tensors, STATE)
    assert found.config == {"a": 1}
    (tmp_path / "snapshot" / "model.safetensors").unlink()
    (tmp_path / "snapshot" / "model.safetensors").symlink_to("gone")
    refused(tmp_path / "snapshot" / "model.safetensors")


def test_runs_and_models_of_ours(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "run.json").write_text("{}")
    card = {"architecture": "resnet18", "classes": ["a"]}
    (tmp_path / "model" / "model.json").write_text(json.dumps(card))
    save(STATE, tmp_path / "model" / "model.safetensors")
    for given in (tmp_path, tmp_path / "model", tmp_path / "model" / "model.safetensors"):
        found = read_weights(given)
        assert_same(found.tensors, STATE)
        assert found.config == {"toprung": card}
    torch.save(STATE, tmp_path / "model" / "foreign.pth")
    assert read_weights(tmp_path / "model" / "foreign.pth").config == {}


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff\xfe", b"[" * 100_000, b" " * (1 << 25)])
def test_an_unreadable_config_counts_as_none(tmp_path: Path, content: bytes) -> None:
    save(STATE, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_bytes(content)
    (tmp_path / "model.json").write_bytes(content)
    assert read_weights(tmp_path).config == {}


def test_a_folder_called_config_is_no_config(tmp_path: Path) -> None:
    save(STATE, tmp_path / "model.safetensors")
    (tmp_path / "config.json").mkdir()
    assert read_weights(tmp_path).config == {}


def test_paths_that_no_file_can_have(tmp_path: Path) -> None:
    for path in ("a\0b", "x" * 5000, ""):
        with pytest.raises(WeightsError):
            read_weights(path)
