"""Whatever happens to a file of any format: weights or an error for the user, in bounded memory, and nothing runs."""

import contextlib
import json
import pickle
import random
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.checkpoints.formats.helpers import Trap
from toprung.checkpoints.files import WeightsFile, read_weights
from toprung.errors import WeightsError

STATE = {"layer.weight": torch.arange(6.0).view(2, 3), "layer.bias": torch.tensor([0.5, -0.5]), "n": torch.tensor(3)}
MOST_GROWTH = 200 << 20  # bytes; the files have a few thousand
Mutation = Callable[[bytes], bytes]


def _torchscript(file: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))), file)


def _folder(file: Path) -> None:
    file.mkdir()
    save_file(STATE, file / "model-00001-of-00001.safetensors")
    places = dict.fromkeys(STATE, "model-00001-of-00001.safetensors")
    (file / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))


def _write(kind: str, file: Path, mark: Path) -> None:
    rich: dict[str, Any] = {
        "model": STATE,
        "epoch": 3,
        "best": np.float64(0.5),
        "array": np.arange(3.0),
        "p": Path("/x"),
    }
    match kind:
        case "torch":
            torch.save(rich, file)
        case "old":
            torch.save(rich, file, _use_new_zipfile_serialization=False)
        case "trap":
            torch.save({"model": STATE, "x": Trap(mark)}, file)
        case "old trap":
            torch.save({"model": STATE, "x": Trap(mark)}, file, _use_new_zipfile_serialization=False)
        case "pickle":
            file.write_bytes(pickle.dumps({"w": np.ones(3), "x": Trap(mark)}))
        case "safetensors":
            save_file(STATE, file, metadata={"a": "b"})
        case "npz":
            np.savez(file, a=np.ones((2, 3), np.float32), b=np.array([Trap(mark)], object))
        case "packed npz":
            np.savez_compressed(file, a=np.ones((20, 3), np.float32), b=np.arange(5))
        case "TorchScript":
            _torchscript(file)
        case "index":
            _folder(file)


KINDS = ["torch", "old", "trap", "old trap", "pickle", "safetensors", "npz", "packed npz", "TorchScript"]
SAVED_AS = {"npz": ".npz", "packed npz": ".npz", "safetensors": ".safetensors"}


@pytest.fixture(scope="module")
def mark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    mark = tmp_path_factory.mktemp("mark") / "executed"
    yield mark
    assert not mark.exists()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, mark: Path) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    found = {}
    for kind in KINDS:
        file = folder / f"file{SAVED_AS.get(kind, '.pth')}"
        _write(kind, file, mark)
        found[kind] = file.read_bytes()
    return found


def memory(kind: str) -> int:
    """Return a line of the process's status in bytes; 0 where there is none, as outside of Linux."""
    status = Path("/proc/self/status")
    found = re.search(rf"{kind}:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) << 10 if found else 0


def begin_peak() -> int:
    """Forget the peak so far, which other tests may have made, and return the memory in use."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return memory("VmHWM")


def bounded(file: Path) -> None:
    """Read a file; fail on anything but weights, an error for the user, and modest memory."""
    before = begin_peak()
    try:
        found = read_weights(file)
    except WeightsError as error:
        message = str(error)
        assert str(file) in message or str(file.parent) in message
        assert "\n" not in message
        assert len(message) < 1000
    else:
        assert isinstance(found, WeightsFile)
        assert found.tensors
        for tensor in found.tensors.values():
            assert type(tensor) is Tensor
            assert tensor.untyped_storage().nbytes() < 1 << 24
        json.dumps([found.entries, found.metadata, found.wrapper, found.alternatives])
    assert memory("VmHWM") - before < MOST_GROWTH


places = st.floats(0, 1, exclude_max=True)
mutations = st.lists(
    st.one_of(
        st.tuples(st.just("overwrite"), places, st.binary(min_size=1, max_size=8)),
        st.tuples(st.just("flip"), places, st.integers(0, 7).map(lambda bit: bytes([1 << bit]))),
        st.tuples(st.just("insert"), places, st.binary(min_size=1, max_size=64)),
        st.tuples(st.just("cut"), places, st.just(b"")),
        st.tuples(st.just("delete"), places, st.integers(1, 64).map(bytes)),
        st.tuples(st.just("double"), places, st.integers(1, 200).map(bytes)),
    ),
    min_size=1,
    max_size=4,
)


def mutated(content: bytes, steps: list[tuple[str, float, bytes]]) -> bytes:
    for what, share, by in steps:
        at = int(share * len(content))
        if what == "overwrite":
            content = content[:at] + by + content[at + len(by) :]
        elif what == "flip" and content:
            content = content[:at] + bytes([content[at] ^ by[0]]) + content[at + 1 :]
        elif what == "insert":
            content = content[:at] + by + content[at:]
        elif what == "cut":
            content = content[:at]
        elif what == "delete":
            content = content[:at] + content[at + len(by) :]
        elif what == "double":
            content = content[: at + len(by)] + content[at:]
    return content


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=mutations)
def test_damaged_files(
    tmp_path: Path, whole: dict[str, bytes], mark: Path, kind: str, steps: list[tuple[str, float, bytes]]
) -> None:
    file = tmp_path / f"file{SAVED_AS.get(kind, '.pth')}"
    file.write_bytes(mutated(whole[kind], steps))
    bounded(file)
    assert not mark.exists()


def rebuilt(content: bytes, change: Mutation) -> bytes:
    """Change the first part of an archive that is a description, and write its directory and checksum anew."""
    import io
    import zipfile

    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            part = old.read(entry)
            new.writestr(entry.filename, change(part) if entry.filename.endswith(("data.pkl", ".npy")) else part)
    return target.getvalue()


@pytest.mark.parametrize("kind", ["torch", "trap", "npz", "packed npz", "TorchScript"])
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=mutations)
def test_damaged_parts_of_whole_archives(
    tmp_path: Path, whole: dict[str, bytes], mark: Path, kind: str, steps: list[tuple[str, float, bytes]]
) -> None:
    file = tmp_path / "file.pth"
    file.write_bytes(rebuilt(whole[kind], lambda part: mutated(part, steps)))
    bounded(file)
    assert not mark.exists()


@pytest.mark.parametrize("start", [b"", b"\x80\x02", b"PK\x03\x04", b"\x10\0\0\0\0\0\0\0{"])
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400), suffix=st.sampled_from([".bin", ".pth", ".safetensors", ".npz", ".ckpt", ""]))
def test_random_bytes(tmp_path: Path, start: bytes, content: bytes, suffix: str) -> None:
    file = tmp_path / f"file{suffix}"
    file.write_bytes(start + content)
    bounded(file)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=mutations, part=st.booleans())
def test_damaged_folders(tmp_path: Path, steps: list[tuple[str, float, bytes]], part: bool) -> None:
    folder = tmp_path / "model"
    shutil.rmtree(folder, ignore_errors=True)
    _folder(folder)
    file = folder / ("model.safetensors.index.json" if part else "model-00001-of-00001.safetensors")
    file.write_bytes(mutated(file.read_bytes(), steps))
    bounded(folder)


SURVIVOR = """
import resource, sys
from pathlib import Path
from tests.checkpoints.test_files_fuzz import bounded, memory
if memory("VmSize"):  # whatever a file asks for beyond this is denied: no reader may die of it
    resource.setrlimit(resource.RLIMIT_AS, (memory("VmSize") + (1 << 30),) * 2)
files = sorted(Path(sys.argv[1]).iterdir())
for file in files:
    print(file.name, flush=True)
    bounded(file)
print("survived", len(files))
"""


def test_a_process_survives_many_damaged_files(tmp_path: Path, whole: dict[str, bytes], mark: Path) -> None:
    draw = random.Random(0)
    folder = tmp_path / "files"
    folder.mkdir()
    for kind in KINDS:
        for number in range(120):
            content = bytearray(whole[kind])
            for _ in range(draw.randint(1, 6)):
                at = draw.randrange(len(content))
                content[at : at + draw.choice([1, 1, 4, 8])] = draw.randbytes(draw.choice([0, 1, 4, 8]))
            (folder / f"{kind}{number}{SAVED_AS.get(kind, '.pth')}").write_bytes(content)
    command = [sys.executable, "-X", "faulthandler", "-c", SURVIVOR, str(folder)]
    result = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[2]
    )
    assert result.returncode == 0, (result.stdout[-200:], result.stderr[-2000:])
    assert f"survived {len(KINDS) * 120}" in result.stdout
    assert not mark.exists()
