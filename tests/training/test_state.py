import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st

from toprung.errors import RunError, StorageError
from toprung.training.state import Progress, TrainingState, load_state, save_state


def trained() -> TrainingState:
    """A small model after two steps: moments, counters, and numbers that decimal text would not keep."""
    torch.manual_seed(0)
    model = timm.create_model("test_resnet", num_classes=3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1 + 0.2, weight_decay=1 / 3)
    for _ in range(2):
        model(torch.randn(2, 3, 32, 32)).square().sum().backward()
        optimizer.step()
    return TrainingState(
        progress=Progress(step=2, epoch=1, batch=7, loss_sum=0.1 + 0.2, pictures=4, seconds=1e-9, best_accuracy=1 / 3),
        model=model.state_dict(),
        optimizer=optimizer.state_dict(),
        watch={"recent": [1 / 3, 2.5], "first": None},
        average={name: 2 * tensor for name, tensor in model.state_dict().items()},
        average_updates=2,
        scaler={"scale": 65536.0, "growth_factor": 2.0},
    )


def assert_same(found: Any, expected: Any) -> None:
    assert type(found) is type(expected) or {type(found), type(expected)} <= {dict, type(trained().model)}
    if isinstance(expected, torch.Tensor):
        assert found.dtype == expected.dtype
        assert torch.equal(found, expected)
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    else:
        assert found == expected


def test_round_trip_bit_for_bit(tmp_path: Path) -> None:
    state = trained()
    save_state(tmp_path / "last.pt", state)
    found = load_state(tmp_path / "last.pt")
    assert found.progress == state.progress
    for part in ("model", "optimizer", "watch", "average", "average_updates", "scaler"):
        assert_same(getattr(found, part), getattr(state, part))


def test_what_was_never_there_stays_none(tmp_path: Path) -> None:
    state = TrainingState(Progress(), {}, {}, {})
    save_state(tmp_path / "last.pt", state)
    assert load_state(tmp_path / "last.pt") == state
    assert load_state(tmp_path / "last.pt").progress.best_loss == float("inf")


def test_nothing_but_the_checkpoint_is_left_in_the_folder(tmp_path: Path) -> None:
    save_state(tmp_path / "checkpoints" / "last.pt", trained())
    save_state(tmp_path / "checkpoints" / "last.pt", trained())
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["last.pt"]


def test_a_loaded_state_survives_the_next_save(tmp_path: Path) -> None:
    # it is mapped from the very file that the next checkpoint replaces
    file = tmp_path / "last.pt"
    save_state(file, trained())
    found = load_state(file)
    empty = TrainingState(Progress(step=9), {}, {}, {})
    save_state(file, empty)
    assert_same(found.model, trained().model)
    assert load_state(file) == empty


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("whole") / "last.pt"
    save_state(file, trained())
    return file.read_bytes()


@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(tmp_path_factory: pytest.TempPathFactory, written: bytes, share: float) -> None:
    file = tmp_path_factory.mktemp("cut") / "last.pt"
    file.write_bytes(written[: int(share * len(written))])
    with pytest.raises(RunError, match=r"last\.pt is damaged .* cannot be resumed"):
        load_state(file)


def test_a_missing_file_is_told_apart_from_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="before its first checkpoint"):
        load_state(tmp_path / "last.pt")


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    save_state(tmp_path / "last.pt", replace(trained(), format=2))
    with pytest.raises(RunError, match="format 2, this toprung reads 1; update"):
        load_state(tmp_path / "last.pt")


@pytest.mark.parametrize(
    "content", [torch.zeros(3), [1, 2], {"model": {}}, {"format": 1}, {"format": 1, "progress": {}}]
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "last.pt")
    with pytest.raises(RunError, match=r"last\.pt is"):
        load_state(tmp_path / "last.pt")


@given(place=st.floats(0, 1, exclude_max=True), noise=st.binary(min_size=1, max_size=8))
def test_a_damaged_file_gives_a_state_or_an_error_for_the_user(
    tmp_path_factory: pytest.TempPathFactory, written: bytes, place: float, noise: bytes
) -> None:
    file = tmp_path_factory.mktemp("damaged") / "last.pt"
    content = bytearray(written)
    start = int(place * len(content))
    content[start : start + len(noise)] = noise
    file.write_bytes(content)
    try:
        assert isinstance(load_state(file), TrainingState)
    except RunError as error:
        assert str(file) in str(error)


class _Trap:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


@pytest.mark.parametrize("write", [torch.save, lambda content, file: file.write_bytes(pickle.dumps(content))])
def test_nothing_in_the_file_is_executed(tmp_path: Path, write: Any) -> None:
    write({"format": 1, "progress": _Trap(tmp_path / "executed")}, tmp_path / "last.pt")
    with pytest.raises(RunError, match="cannot be resumed"):
        load_state(tmp_path / "last.pt")
    assert not (tmp_path / "executed").exists()


FULL = """
import resource, sys, torch
from pathlib import Path
from toprung.errors import StorageError
from toprung.training.state import Progress, TrainingState, save_state
file = Path(sys.argv[1])
state = TrainingState(Progress(step=2), {"w": torch.zeros(200_000)}, {}, {})
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # as a disk with 100 kB left
try:
    save_state(file, state)
except StorageError as error:
    print(error)
"""


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path: Path) -> None:
    file = tmp_path / "last.pt"
    before = TrainingState(Progress(step=1), {"w": torch.ones(3)}, {}, {})
    save_state(file, before)
    done = subprocess.run([sys.executable, "-c", FULL, file], capture_output=True, text=True, check=True)
    assert f"cannot write {file}: the disk is full" in done.stdout
    assert_same(load_state(file).model, before.model)
    assert load_state(file).progress.step == 1
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


def test_an_error_that_is_not_the_disks_is_not_called_one(tmp_path: Path) -> None:
    with pytest.raises((pickle.PicklingError, AttributeError)):
        save_state(tmp_path / "last.pt", TrainingState(Progress(), {"w": lambda: 0}, {}, {}))
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot write"):
        save_state(tmp_path / "file" / "last.pt", trained())
