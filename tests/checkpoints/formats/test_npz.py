import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.checkpoints.formats.helpers import STATE, Trap, assert_same, refused
from toprung.checkpoints.files import read_weights

ARRAYS = {
    "Transformer/encoderblock_0/LayerNorm_0/scale": np.arange(6, dtype=np.float32).reshape(2, 3),
    "embedding/kernel": np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
}


def as_tensors(arrays: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {
        name: torch.tensor(array.tolist(), dtype=getattr(torch, array.dtype.name)) for name, array in arrays.items()
    }


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_keep_their_names_and_numbers(tmp_path: Path, save: Any) -> None:
    save(tmp_path / "weights.npz", **ARRAYS)
    found = read_weights(tmp_path / "weights.npz")
    assert_same(found.tensors, as_tensors(ARRAYS))
    assert found.format == "npz"
    assert all(tensor.is_contiguous() for tensor in found.tensors.values())


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i1", "i4", "i8", "u1", "u2", "u4", "b1", "c8"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("shape", [(), (4,), (0, 3), (2, 2)])
def test_every_type_and_byte_order(tmp_path: Path, kind: str, order: str, shape: tuple[int, ...]) -> None:
    array = np.ones(shape, np.dtype(order + kind))
    np.savez(tmp_path / "weights.npz", a=array)
    native = array.astype(array.dtype.newbyteorder("="))
    assert_same(read_weights(tmp_path / "weights.npz").tensors, {"a": torch.from_numpy(native)})


def test_bfloat16_as_jax_saves_it(tmp_path: Path) -> None:
    tensor = torch.randn(2, 3).bfloat16()
    raw = tensor.view(torch.int16).numpy().view(np.dtype("V2"))
    np.savez(tmp_path / "weights.npz", a=raw, b=raw.T)
    assert_same(read_weights(tmp_path / "weights.npz").tensors, {"a": tensor, "b": tensor.T.contiguous()})


@pytest.mark.parametrize("prefix", ["opt/target/", "params/"])
def test_whole_training_states_give_the_model(tmp_path: Path, prefix: str) -> None:
    arrays = {prefix + name: array for name, array in ARRAYS.items()}
    others = {f"opt/state/param_states/{name}/mu": array for name, array in ARRAYS.items()} | {
        "opt/state/step": np.ones(1)
    }
    np.savez(tmp_path / "weights.npz", **arrays, **others)
    found = read_weights(tmp_path / "weights.npz")
    assert_same(found.tensors, as_tensors(ARRAYS))
    assert found.prefixes == (prefix,)


def test_strings_are_left_and_a_file_of_only_them_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "weights.npz", a=np.ones(1, np.float32), s=np.array(["x"]), d=np.zeros(1, "M8[s]"))
    assert_same(read_weights(tmp_path / "weights.npz").tensors, {"a": torch.ones(1)})
    np.savez(tmp_path / "weights.npz", s=np.array(["x"]))
    assert "no tensors by name" in refused(tmp_path / "weights.npz")
    np.savez(tmp_path / "weights.npz")
    refused(tmp_path / "weights.npz")


def test_objects_are_refused_and_nothing_is_executed(tmp_path: Path) -> None:
    np.savez(tmp_path / "weights.npz", a=np.array([Trap(tmp_path / "executed")], object))
    assert "holds pickled objects in 'a.npy'" in refused(tmp_path / "weights.npz")
    assert not (tmp_path / "executed").exists()


def member(descr: str, shape: str, body: bytes = b"\0" * 8) -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (member("'<f4'", "(1000000000000,)"), "promises 4,000,000,000,000 bytes"),
        (member("'<f4'", f"({2**62}, {2**62})"), "promises"),
        (member("'<f4'", "(-1,)"), "damaged"),
        (member("('<f4', (1000000000,))", "(1,)"), "damaged"),
        (member("'|O'", "(1,)"), "pickled objects"),
        (member("[('a', '|O')]", "(1,)"), "pickled objects"),
        (member("__import__('os').system('x')", "(1,)"), "damaged"),
        (member("'<f4'", "(" * 500 + ")" * 500), "damaged"),
        (member("'nonsense'", "(1,)"), "damaged"),
        (b"\x93NUMPY\x09\x00\x00\x00", "damaged"),
        (b"", "damaged"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "damaged"),
    ],
)
def test_members_that_lie(tmp_path: Path, content: bytes, said: str) -> None:
    with zipfile.ZipFile(tmp_path / "weights.npz", "w") as archive:
        archive.writestr("a.npy", content)
    assert said in refused(tmp_path / "weights.npz")


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "weights.npz", a=np.zeros(20_000_000, np.float32))
    assert "would expand to 80,000,128" in refused(tmp_path / "weights.npz")


def test_two_arrays_of_one_name_are_refused(tmp_path: Path) -> None:
    content = io.BytesIO()
    np.save(content, np.ones(1))
    with zipfile.ZipFile(tmp_path / "weights.npz", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("a.npy", content.getvalue())
        archive.writestr("a.npy", content.getvalue())
    assert "both named 'a'" in refused(tmp_path / "weights.npz")


def test_a_damaged_member_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "weights.npz", a=np.random.default_rng(0).normal(size=1000))
    content = bytearray((tmp_path / "weights.npz").read_bytes())
    content[2000:2100] = bytes(100)
    (tmp_path / "weights.npz").write_bytes(content)
    assert "damaged npz file" in refused(tmp_path / "weights.npz")
    assert STATE
