"""Reading costs little memory until the values are touched; measured in a process of its own.

Not by ``ru_maxrss``: it begins with the peak of the process that started this one.
"""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

MEGABYTE = 1 << 20
READING = r"""
import re, sys
import torch
from safetensors.torch import save_file
from toprung.checkpoints.files import read_weights
from toprung.errors import WeightsError

def status(name):
    return int(re.search(name + r":\s+(\d+) kB", open("/proc/self/status").read())[1]) // 1024

torch.save({"a": torch.zeros(1)}, sys.argv[2])
read_weights(sys.argv[2])  # what the first reading imports
save_file({"a": torch.zeros(1)}, sys.argv[2])
read_weights(sys.argv[2])
open("/proc/self/clear_refs", "w").write("5")  # forgets the peak so far, which imports may have made
before, own = status("VmHWM"), status("RssAnon")
try:
    found = read_weights(sys.argv[1])
except WeightsError:
    read = "refused"
else:
    read = sum(t.numel() * t.element_size() for t in found.tensors.values()) >> 20
print(read, max(status("VmHWM") - before, status("RssAnon") - own))
"""


def peak_of_reading(file: Path) -> tuple[str, int]:
    """Return what was read, in MB or "refused", and by how many MB the process grew."""
    command = [sys.executable, "-c", READING, str(file), str(file.parent / "warm.bin")]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    read, grown = result.stdout.split()
    return read, int(grown)


pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks are measured on Linux")


def test_the_measure_sees_what_is_read(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(25 * MEGABYTE)}, tmp_path / "old.bin", _use_new_zipfile_serialization=False)
    ballast = bytearray(b"x" * (200 * MEGABYTE))
    read, grown = peak_of_reading(tmp_path / "old.bin")
    assert (read, len(ballast)) == ("100", 200 * MEGABYTE)
    assert 90 < grown < 250


@pytest.mark.parametrize("kind", ["torch", "safetensors", "TorchScript"])
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_large_files_are_mapped(tmp_path: Path, kind: str) -> None:
    layers = torch.nn.Sequential(*(torch.nn.Linear(2560, 1024, bias=False) for _ in range(30)))  # 10 MB each
    file = tmp_path / "weights.bin"
    if kind == "torch":
        torch.save({"model": layers.state_dict()}, file)
    elif kind == "safetensors":
        save_file(layers.state_dict(), file)
    else:
        torch.jit.save(torch.jit.script(layers), file)
    read, grown = peak_of_reading(file)
    assert read == "300"
    assert grown < 60


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02r\xff\xff\xff\x7f.",
        b"\x80\x02Nr\xff\xff\xff\x7f.",
        b"\x80\x02c__builtin__\nbytearray\n\x8a\x05\x00\x00\x00\x00\x02\x85R.",
        b"\x80\x05\x96\x00\x00\x00\x00\x10\x00\x00\x00.",
        b"\x80\x02}X\x01\x00\x00\x00actorch\nTensor\n\x8a\x05\x00\x00\x00\x40\x00\x85Rs.",
        b"\x80\x02" + b"N0" * 6_000_000 + b".",
    ],
)
@pytest.mark.parametrize("script", [False, True])
def test_hostile_files_cost_little(tmp_path: Path, data: bytes, script: bool) -> None:
    with zipfile.ZipFile(tmp_path / "weights.bin", "w") as archive:
        archive.writestr("w/data.pkl", data)
        archive.writestr("w/version", b"3\n")
        if script:
            archive.writestr("w/constants.pkl", b"\x80\x02).")
    read, grown = peak_of_reading(tmp_path / "weights.bin")
    assert read == "refused"
    assert grown < 100
