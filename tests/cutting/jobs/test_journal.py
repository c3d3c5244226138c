from pathlib import Path

import pytest

from toprung.cutting.jobs.journal import FILE, Journal, Print, print_of
from toprung.cutting.jobs.row import COLUMNS, Row, csv_of
from toprung.errors import StorageError

ROW = Row("a.jpg", "", "check", 0.01, (0.0, float("inf")), ('Look, at "this".', "And that."), "a.png", 1.5)
PRINT = {"/a.jpg": Print((1, 2), "hash")}


def written(folder: Path) -> bytes:
    with Journal(folder) as journal:
        for number in range(3):
            key = f"/{number}.jpg"
            journal.begin(key, str(number), (f"{number}.png", f"{number}.on-red.png"))
            journal.finish(key, ROW, "options", PRINT, {f"{number}.png": (number, 7)})
        journal.begin("/3.jpg", "3", ("3.png",))
        journal.save()
    return (folder / FILE).read_bytes()


def test_what_was_noted_is_read_again(tmp_path: Path) -> None:
    written(tmp_path)
    with Journal(tmp_path) as journal:
        record = journal.records["/1.jpg"]
        assert (record.stem, record.options, record.files) == ("1", "options", ("1.png",))
        assert record.claimed == {"1.png": (1, 7)}
        assert record.inputs == PRINT
        assert record.row is not None
        assert record.row.interval == (0.0, None)
        assert record.row.reasons == ROW.reasons
        begun = journal.records["/3.jpg"]
        assert begun.row is None
        assert begun.claimed == {"3.png": None}


def test_files_of_earlier_options_stay_the_jobs_own(tmp_path: Path) -> None:
    written(tmp_path)
    for _ in range(2):
        with Journal(tmp_path) as journal:
            journal.begin("/1.jpg", "1", ("1.webp",))
            assert journal.records["/1.jpg"].claimed == {"1.png": (1, 7), "1.webp": None}
    with Journal(tmp_path) as journal:
        journal.finish("/1.jpg", ROW, "other", PRINT, {"1.webp": (4, 4)})
    with Journal(tmp_path) as journal:
        assert journal.records["/1.jpg"].claimed == {"1.png": (1, 7), "1.webp": (4, 4)}
        assert journal.records["/1.jpg"].files == ("1.webp",)


def test_cut_off_anywhere_it_tells_of_what_is_whole(tmp_path: Path) -> None:
    content = written(tmp_path)
    for size in range(0, len(content) + 1, 17):
        (tmp_path / FILE).write_bytes(content[:size])
        with Journal(tmp_path) as journal:
            done = [key for key, record in journal.records.items() if record.row is not None]
        assert len(done) == content[:size].count(b'"done"') - (content[:size].rpartition(b"\n")[2].count(b'"done"'))
    (tmp_path / FILE).write_bytes(content)
    with Journal(tmp_path):
        assert (tmp_path / FILE).read_bytes().count(b"\n") == 4  # one line for each photo is kept


@pytest.mark.parametrize(
    "line", ["5", "{}", '{"done": "/a"}', '{"begun": "/a", "stem": "a", "claimed": [1]}', "nonsense"]
)
def test_damage_is_told(tmp_path: Path, line: str) -> None:
    (tmp_path / FILE).write_text(line + "\n")
    with pytest.raises(StorageError, match="damaged"):
        Journal(tmp_path)


def test_a_print_fits_by_stamp_or_by_content(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("one")
    known = print_of(path)
    assert known.fits(path)
    path.write_text("two")
    assert not known.fits(path)
    path.write_text("one")
    assert known.fits(path)
    path.unlink()
    assert not known.fits(path)


def test_the_csv_has_a_header_and_quotes() -> None:
    lines = csv_of([ROW]).decode().splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert lines[1] == 'a.jpg,,check,0.010000,0.000000,,"Look, at ""this"". And that.",a.png,1.50'
