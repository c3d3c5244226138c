from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from toprung.checkpoints.formats.safetensors_writer import Entry, order_of, writing
from toprung.errors import WeightsError

KINDS = [
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
]


def test_the_library_reads_back_every_kind_of_number(tmp_path: Path) -> None:
    draw = torch.Generator().manual_seed(0)
    tensors = {str(kind): torch.randint(0, 2, (3, 5), generator=draw).to(kind) for kind in KINDS}
    tensors |= {"one": torch.tensor(2.5), "none": torch.zeros(0, 4), "ä": torch.ones(7, dtype=torch.int8)}
    entries = {name: Entry(tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items()}
    with writing(tmp_path / "x.safetensors", entries) as writer:
        for name in order_of(entries):
            for part in tensors[name].reshape(-1).split(4):  # in pieces, as a mean comes
                writer.write(part)
    found = load_file(tmp_path / "x.safetensors")
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor), name
    with safe_open(tmp_path / "x.safetensors", framework="pt") as opened:
        assert opened.metadata() == {"format": "pt"}


def test_fewer_numbers_than_announced_are_a_mistake(tmp_path: Path) -> None:
    entries = {"a": Entry(torch.float32, (4,))}
    with pytest.raises(ValueError, match="other tensors"), writing(tmp_path / "x.safetensors", entries) as writer:
        writer.write(torch.zeros(3))


def test_numbers_that_the_format_does_not_know_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(WeightsError, match=r"cannot hold z, whose numbers are torch\.complex64"),
        writing(tmp_path / "x.safetensors", {"z": Entry(torch.complex64, (1,))}),
    ):
        pass
