import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.checkpoints.formats.helpers import STATE, assert_same, refused
from toprung.checkpoints.files import read_weights


def written(folder: Path, header: bytes, body: bytes = b"", length: int | None = None) -> Path:
    file = folder / "weights.safetensors"
    file.write_bytes((len(header) if length is None else length).to_bytes(8, "little") + header + body)
    return file


def entry(end: int, shape: list[int], dtype: str = "F32", start: int = 0) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def test_tensors_and_metadata(tmp_path: Path) -> None:
    state = STATE | {"half": torch.ones(2, dtype=torch.bfloat16), "empty": torch.zeros(0), "scalar": torch.tensor(1)}
    save_file(state, tmp_path / "weights.safetensors", metadata={"format": "pt", "note": "x"})
    found = read_weights(tmp_path / "weights.safetensors")
    assert_same(found.tensors, state)
    assert found.metadata == {"format": "pt", "note": "x"}
    assert found.format == "safetensors"


def test_the_name_of_the_file_does_not_matter(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "weights.bin")
    assert_same(read_weights(tmp_path / "weights.bin").tensors, STATE)
    torch.save(STATE, tmp_path / "other.safetensors")
    assert_same(read_weights(tmp_path / "other.safetensors").tensors, STATE)


def test_prefixes_are_taken_off(tmp_path: Path) -> None:
    save_file({f"module.{name}": tensor for name, tensor in STATE.items()}, tmp_path / "weights.safetensors")
    found = read_weights(tmp_path / "weights.safetensors")
    assert_same(found.tensors, STATE)
    assert found.prefixes == ("module.",)


def test_a_cut_file_says_how_much_is_missing(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1000)}, tmp_path / "weights.safetensors")
    whole = (tmp_path / "weights.safetensors").read_bytes()
    (tmp_path / "weights.safetensors").write_bytes(whole[:2000])
    message = refused(tmp_path / "weights.safetensors")
    assert f"cut off and not a whole safetensors file: the header says {len(whole):,} bytes" in message
    assert "the file holds 2,000" in message
    (tmp_path / "weights.safetensors").write_bytes(whole[:30])
    assert "is cut off" in refused(tmp_path / "weights.safetensors")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b'{"a":', "damaged header"),
        (b'{"a":1}', "damaged header"),
        (b"{}x", "damaged header"),
        (b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{}}', "damaged header"),
        (json.dumps({"a": entry(8, [1])}).encode(), "damaged header"),
        (json.dumps({"a": entry(8, [2]), "b": entry(8, [1], start=4)}).encode(), "damaged header"),
        (json.dumps({"a": entry(4, [1]), "b": entry(8, [1], start=6)}).encode(), "damaged header"),
        (json.dumps({"a": entry(8, [2], "X9")}).encode(), "damaged header"),
        (json.dumps({"a": entry(8, [-2])}).encode(), "damaged header"),
        (json.dumps({"a": entry(8, [2**62, 2])}).encode(), "damaged header"),
        (json.dumps({"a": entry(4_000_000, [1_000_000])}).encode(), "cut off"),
        (b"[" * 200_000, "does not begin with a header"),
        (b"{" + b'"a":[' * 100_000, "damaged header"),
        (b"\xff" * 20, "does not begin with a header"),
        (b"{}", "no tensors by name"),
        (b'{"__metadata__":{"a":"b"}}', "no tensors by name"),
    ],
)
def test_headers_that_lie(tmp_path: Path, header: bytes, said: str) -> None:
    body = b"" if said.startswith("no tensors") else b"\0" * 8
    assert said in refused(written(tmp_path, header, body))


@pytest.mark.parametrize("length", [2**63 - 1, 2**64 - 1, 2**40, 2**26, 200, 0])
def test_a_header_of_an_impossible_length_is_refused(tmp_path: Path, length: int) -> None:
    header = json.dumps({"w": entry(4, [1])}).encode()
    assert "not a whole safetensors file" in refused(written(tmp_path, header, b"\0" * 4, length))
