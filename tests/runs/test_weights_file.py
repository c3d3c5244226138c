"""Saved weights: read by safetensors itself, and the same bytes from every process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from toprung.runs.weights_file import read_weights, write_tensors

WRITE = """
import sys, timm, torch
from pathlib import Path
from toprung.runs.weights_file import write_weights
torch.manual_seed(0)
write_weights(Path(sys.argv[1]), timm.create_model("test_resnet", num_classes=3))
"""


def test_equal_weights_are_equal_files_from_every_process(tmp_path: Path) -> None:
    digests = set()
    for seed in ("1", "2", "3"):
        file = tmp_path / f"{seed}.safetensors"
        subprocess.run([sys.executable, "-c", WRITE, str(file)], check=True, env={**os.environ, "PYTHONHASHSEED": seed})
        digests.add(hashlib.sha256(file.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_safetensors_reads_what_was_written_and_the_data_are_aligned(tmp_path: Path) -> None:
    tensors = {
        "weight": torch.randn(5, 7),
        "half": torch.randn(3).to(torch.bfloat16),
        "turned": torch.randn(2, 4, 3, 3).contiguous(memory_format=torch.channels_last),
        "count": torch.tensor(7),
        "flag": torch.tensor([True, False, True]),
        "none": torch.zeros(0, 3),
    }
    file = tmp_path / "w.safetensors"
    write_tensors(file, tensors)
    for found in (load_file(file), read_weights(file)):
        assert found.keys() == tensors.keys()
        assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())
        assert all(found[name].dtype == tensor.dtype for name, tensor in tensors.items())
    with safe_open(file, "pt") as opened:
        assert opened.metadata() == {"format": "pt"}
    header = int.from_bytes(file.read_bytes()[:8], "little")
    assert (8 + header) % 64 == 0
