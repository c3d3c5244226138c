import errno
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toprung.errors import StorageError
from toprung.storage import explain, make_folder, replacing, write_bytes, write_json, write_text


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_whole_and_alone(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a" / "b" / "file.bin", b"content")
    assert (tmp_path / "a" / "b" / "file.bin").read_bytes() == b"content"
    assert entries(tmp_path / "a" / "b") == ["file.bin"]


@given(st.text(st.characters(codec="utf-8")))
def test_text_is_written_as_it_is(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("text") / "file"
    write_text(file, text)
    assert file.read_bytes().decode("utf-8") == text


@given(st.dictionaries(st.text(), st.text() | st.lists(st.integers())))
def test_json_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, content: dict[str, object]) -> None:
    file = tmp_path_factory.mktemp("json") / "file.json"
    write_json(file, content)
    assert json.loads(file.read_bytes().decode("utf-8")) == content


def test_json_can_be_read_by_people(tmp_path: Path) -> None:
    write_json(tmp_path / "file.json", {"name": "Größe 犬"})
    assert "Größe 犬" in (tmp_path / "file.json").read_text(encoding="utf-8")


def test_until_the_end_the_old_file_stands(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    with replacing(file) as temporary:
        temporary.write_text("new")
        assert file.read_text() == "old"
        assert temporary.parent == file.parent  # a rename is atomic within one file system only
    assert file.read_text() == "new"
    assert entries(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(1), GeneratorExit()])
def test_a_failing_body_keeps_the_old_file_and_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    with pytest.raises(type(error)), replacing(file) as temporary:
        temporary.write_text("half")
        raise error
    assert file.read_text() == "old"
    assert entries(tmp_path) == ["file"]


FULL = """
import resource, sys
from pathlib import Path
from toprung.errors import StorageError
from toprung.storage import write_bytes
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))  # as a disk with 10 kB left
try:
    write_bytes(Path(sys.argv[1]), bytes(1_000_000))
except StorageError as error:
    print(error)
"""


def test_a_full_disk_keeps_the_old_file_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    done = subprocess.run([sys.executable, "-c", FULL, file], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"cannot write {file}: the disk is full")
    assert file.read_text() == "old"
    assert entries(tmp_path) == ["file"]


@pytest.mark.parametrize("call", ["mkstemp", "mkdir", "replace", "fsync"])
@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "no permission"),
        (errno.EROFS, "no permission"),
        (errno.ENOSPC, "disk is full"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_whatever_step_fails_is_explained_and_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, said: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    file = tmp_path / "file"
    file.write_text("old")
    owner = {"mkstemp": tempfile, "mkdir": Path, "replace": Path, "fsync": os}[call]
    monkeypatch.setattr(owner, call, fail)
    with pytest.raises(StorageError, match=f"cannot write .*file: .*{said}"):
        write_bytes(file, b"new")
    monkeypatch.undo()
    assert file.read_text() == "old"
    assert entries(tmp_path) == ["file"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_rights_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StorageError, match="no permission"):
            write_bytes(tmp_path / "file", b"x")
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_in_place_of_the_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file" / "inside").mkdir(parents=True)
    with pytest.raises(StorageError, match="cannot write"):
        write_bytes(tmp_path / "file", b"x")
    assert entries(tmp_path) == ["file"]
    assert entries(tmp_path / "file") == ["inside"]


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_files_get_the_rights_of_ordinary_files(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_bytes(tmp_path / "ours", b"")
        (tmp_path / "ordinary").write_bytes(b"")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


@pytest.mark.parametrize("name", ["x" * 255, "猫" * 85, "a b'\"*?.txt", ".hidden"])
def test_any_name_that_the_file_system_takes(tmp_path: Path, name: str) -> None:
    write_bytes(tmp_path / name, b"x")
    assert entries(tmp_path) == [name]


def test_a_name_that_is_too_long_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="too long"):
        write_bytes(tmp_path / ("x" * 256), b"x")
    assert entries(tmp_path) == []


def test_make_folder(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StorageError, match=f"cannot make the folder {place}"):
            make_folder(place)


def test_explain_names_place_reason_and_what_was_done() -> None:
    error = explain(OSError(errno.EACCES, "Permission denied"), Path("/x/y"), "read")
    assert str(error).startswith("cannot read /x/y: no permission")
    assert "odd" in str(explain(OSError("odd"), Path("/x")))
