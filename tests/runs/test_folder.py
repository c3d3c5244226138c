import datetime
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ladder.spoil import JSON
from toprung.errors import RunError, StorageError, ToprungError
from toprung.runs.folder import FORMAT, RunFolder, free_name


def test_create_writes_a_record_that_open_reads(tmp_path: Path) -> None:
    made = RunFolder.create(tmp_path / "runs" / "first", {"model": "test_vit", "status": "paused"})
    record = RunFolder.open(tmp_path / "runs" / "first").record()
    assert record == made.record()
    assert (record["format"], record["name"], record["model"], record["status"]) == (1, "first", "test_vit", "paused")
    created = datetime.datetime.fromisoformat(record["created"])
    assert created.tzinfo is not None
    assert abs(datetime.datetime.now().astimezone() - created) < datetime.timedelta(minutes=5)


def test_an_empty_folder_may_become_a_run(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert RunFolder.create(tmp_path / "run", {}).record()["status"] == "running"


def test_a_run_is_never_overwritten_and_can_be_continued(tmp_path: Path) -> None:
    RunFolder.create(tmp_path / "run", {"mine": 1})
    before = (tmp_path / "run" / "run.json").read_bytes()
    with pytest.raises(RunError, match=r"never overwritten; continue it with `toprung train --resume .*run`"):
        RunFolder.create(tmp_path / "run", {"mine": 2})
    assert (tmp_path / "run" / "run.json").read_bytes() == before


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_no_run_is_not_overwritten_either_nor_resumed(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "place"
    if kind == "folder":
        place.mkdir()
        (place / "thesis.tex").write_text("years of work")
    else:
        place.write_text("years of work")
    with pytest.raises(RunError, match="never overwritten; choose another --out") as error:
        RunFolder.create(place, {})
    assert "--resume" not in str(error.value)
    assert (place / "thesis.tex" if kind == "folder" else place).read_text() == "years of work"


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(StorageError, match="cannot make the folder"):
        RunFolder.create(tmp_path / "runs" / "first", {})


def test_open_tells_missing_from_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"there is no run folder .*gone"):
        RunFolder.open(tmp_path / "gone")
    with pytest.raises(RunError, match=r"not a run folder: it holds no run\.json"):
        RunFolder.open(tmp_path)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", {})
    run.update(format=FORMAT + 1)
    with pytest.raises(RunError, match=rf"newer toprung \(run format {FORMAT + 1}, this one reads up to {FORMAT}\)"):
        RunFolder.open(tmp_path / "run")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1, 2]", b"3", b"null", b"\xff\xfe", b'{"format": "1"}', b"{}", b"[" * 100_000, b"1" * 10_000],
)
def test_a_damaged_record_is_refused(tmp_path: Path, content: bytes) -> None:
    RunFolder.create(tmp_path / "run", {})
    (tmp_path / "run" / "run.json").write_bytes(content)
    with pytest.raises(RunError, match=r"run\.json is damaged"):
        RunFolder.open(tmp_path / "run")


@given(JSON)
def test_any_json_is_a_run_or_refused(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    folder = tmp_path_factory.mktemp("run")
    (folder / "run.json").write_text(json.dumps(content), encoding="utf-8")
    try:
        assert isinstance(RunFolder.open(folder).record(), dict)
    except ToprungError as error:
        assert str(folder) in str(error)


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", {})
    with pytest.raises(RunError, match=r"scores\.json is missing"):
        run.read_json(run.scores_file)


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.text(max_size=5) | st.just("caf\udce9") | st.floats(allow_nan=False) | st.booleans() | st.none(),
    )
)
def test_json_round_trip(tmp_path_factory: pytest.TempPathFactory, content: dict[str, object]) -> None:
    run = RunFolder(tmp_path_factory.mktemp("run"))
    run.write_json(run.scores_file, content)
    assert run.read_json(run.scores_file) == content


def test_update_keeps_the_rest(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", {"a": 1, "b": 2})
    before = run.record()
    run.update(b=3, c=4)
    assert run.record() == before | {"b": 3, "c": 4}


def test_every_file_stands_inside_the_run_and_a_moved_run_opens(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", {})
    files = [value for name in dir(RunFolder) if isinstance(value := getattr(run, name), Path)]
    files += [run.predictions_file("val")]
    assert len(set(files)) == len(files) > 10
    assert all(file.is_relative_to(run.path) for file in files)
    (tmp_path / "run").rename(tmp_path / "elsewhere")
    assert RunFolder.open(tmp_path / "elsewhere").record()["name"] == "run"


def test_free_name_is_the_first_free_one(tmp_path: Path) -> None:
    for expected in ("vit", "vit-2", "vit-3"):
        free = free_name(tmp_path, "vit")
        assert free.name == expected
        free.mkdir()
