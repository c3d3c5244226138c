import os
import unicodedata
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from tests.data.make_pictures import make_classes, save
from toprung.data.sources import list_pictures, read_source
from toprung.data.table import Table
from toprung.errors import DataError


def rows(table: Table, root: Path) -> list[tuple[str, str, str]]:
    labels = [table.classes[label] for label in table.labels]
    places = [path.relative_to(root).as_posix() for path in table.paths]
    return list(zip(places, labels, table.splits, strict=True))


class TestClassFolders:
    def test_each_folder_is_a_class(self, tmp_path: Path) -> None:
        make_classes(tmp_path, {"cat": 2, "dog": 1})
        table = read_source(tmp_path)
        assert table.classes == ("cat", "dog")
        assert rows(table, tmp_path) == [
            ("cat/000.png", "cat", ""),
            ("cat/001.png", "cat", ""),
            ("dog/000.png", "dog", ""),
        ]

    def test_names_of_all_kinds(self, tmp_path: Path) -> None:
        names = ["a b", "ünï", "дом", "犬", "50% off, really", 'quo"te', "[x]", "#1", "-r", "🐈"]
        for seed, name in enumerate(names):
            save(tmp_path / name / f"{name} 1.JPG", seed)
            save(tmp_path / name / "deeper" / "still" / "2.JpEg", seed)
        table = read_source(tmp_path)
        assert table.classes == tuple(sorted(names))
        assert len(table) == 2 * len(names)
        assert all(path.is_file() for path in table.paths)

    def test_the_same_name_in_both_unicode_forms_is_one_class(self, tmp_path: Path) -> None:
        """macOS writes é as two characters, Linux as one."""
        for form in ("NFC", "NFD"):
            save(tmp_path / "train" / unicodedata.normalize(form, "café") / f"{form}.png")
        save(tmp_path / "train" / "tea" / "1.png")
        table = read_source(tmp_path / "train")
        assert table.classes == (unicodedata.normalize("NFC", "café"), "tea")
        assert table.labels.tolist().count(0) == 2

    def test_what_systems_leave_behind_is_ignored(self, tmp_path: Path) -> None:
        make_classes(tmp_path, {"cat": 1, "dog": 1})
        for junk in (".DS_Store", "cat/Thumbs.db", "cat/._000.png", "cat/notes.txt", "README.md"):
            (tmp_path / junk).write_bytes(b"junk")
        save(tmp_path / "__MACOSX" / "x.png")
        save(tmp_path / ".cache" / "x.png")
        save(tmp_path / "cat" / "@eaDir" / "x.png")
        assert len(read_source(tmp_path)) == 2

    def test_phone_pictures_that_cannot_be_read_are_listed_all_the_same(self, tmp_path: Path) -> None:
        make_classes(tmp_path, {"cat": 1, "dog": 1})
        (tmp_path / "cat" / "IMG_1.HEIC").write_bytes(b"x")
        assert len(read_source(tmp_path)) == 3

    def test_links_round_in_a_circle_end(self, tmp_path: Path) -> None:
        make_classes(tmp_path, {"cat": 2, "dog": 2})
        (tmp_path / "cat" / "up").symlink_to(tmp_path / "cat", target_is_directory=True)
        assert len(read_source(tmp_path)) == 4

    def test_a_class_named_train_is_a_class(self, tmp_path: Path) -> None:
        make_classes(tmp_path, {"train": 2, "tram": 2})
        assert read_source(tmp_path).classes == ("train", "tram")

    def test_an_empty_class_folder_is_refused(self, tmp_path: Path) -> None:
        """Trap: with the folder counted as a class, the model has an output that nothing trains."""
        make_classes(tmp_path, {"cat": 1, "dog": 1})
        (tmp_path / "bird").mkdir()
        (tmp_path / "bird" / "list.txt").write_text("none yet")
        with pytest.raises(DataError, match=r"bird holds no pictures.*\.txt"):
            read_source(tmp_path)

    @pytest.mark.parametrize(
        ("counts", "word"), [({}, "no pictures"), ({"cat": 2}, "one class only"), ({"": 2}, "loose pictures")]
    )
    def test_too_little_is_refused(self, tmp_path: Path, counts: dict[str, int], word: str) -> None:
        make_classes(tmp_path, counts)
        with pytest.raises(DataError, match=word):
            read_source(tmp_path)

    def test_the_folder_above_is_noticed(self, tmp_path: Path) -> None:
        make_classes(tmp_path / "pictures", {"cat": 1, "dog": 1})
        with pytest.raises(DataError, match=r"did you mean .*pictures"):
            read_source(tmp_path)

    def test_a_wrong_path_gets_a_hint(self, tmp_path: Path) -> None:
        make_classes(tmp_path / "pictures", {"cat": 1})
        with pytest.raises(DataError, match="Did you mean pictures"):
            read_source(tmp_path / "picturs")

    def test_names_that_are_not_utf8_are_refused(self, tmp_path: Path) -> None:
        """Python reads such a name, but no CSV or JSON could hold it: better now than after training."""
        make_classes(tmp_path, {"cat": 1, "dog": 1})
        (tmp_path / "cat" / "000.png").rename(tmp_path / "cat" / os.fsdecode(b"caf\xe9.png"))
        with pytest.raises(DataError, match=r"not UTF-8.*convmv") as caught:
            read_source(tmp_path)
        str(caught.value).encode()
        with pytest.raises(DataError, match="not UTF-8"):
            list_pictures([tmp_path])


class TestSplitFolders:
    @pytest.mark.parametrize("names", [("train", "val", "test"), ("Train", "VALID", "Test"), ("train", "dev", "test")])
    def test_each_folder_is_a_split(self, tmp_path: Path, names: tuple[str, str, str]) -> None:
        for seed, name in enumerate(names):
            make_classes(tmp_path / name, {"cat": 2, "dog": 1}, seed=100 * seed)
        table = read_source(tmp_path)
        assert {split: table.splits.count(split) for split in table.splits} == {"train": 3, "val": 3, "test": 3}

    def test_class_indices_of_val_never_shift(self, tmp_path: Path) -> None:
        """Trap: with a class map for each folder, val lacks "ant" and its "cat" would be train's "ant"."""
        make_classes(tmp_path / "train", {"ant": 2, "cat": 2, "dog": 2})
        make_classes(tmp_path / "val", {"cat": 1, "dog": 1}, seed=50)
        table = read_source(tmp_path)
        assert table.classes == ("ant", "cat", "dog")
        assert [table.classes[label] for label in table.split("val").labels] == ["cat", "dog"]

    @pytest.mark.parametrize("split", ["val", "test"])
    def test_a_class_that_train_lacks_is_refused(self, tmp_path: Path, split: str) -> None:
        make_classes(tmp_path / "train", {"cat": 2, "dog": 2})
        make_classes(tmp_path / split, {"cat": 1, "dogs": 1}, seed=50)
        with pytest.raises(DataError, match=f"'dogs' stands in {split} but not in train.*Did you mean dog"):
            read_source(tmp_path)

    def test_an_empty_class_folder_in_val_is_refused(self, tmp_path: Path) -> None:
        make_classes(tmp_path / "train", {"cat": 2, "dog": 2})
        make_classes(tmp_path / "val", {"cat": 1}, seed=50)
        (tmp_path / "val" / "dog").mkdir()
        with pytest.raises(DataError, match="dog holds no pictures"):
            read_source(tmp_path)

    def test_val_that_is_train_is_refused(self, tmp_path: Path) -> None:
        """Trap: a link that was meant to save time; every score would be one on training pictures."""
        make_classes(tmp_path / "train", {"cat": 2, "dog": 2})
        (tmp_path / "val").symlink_to(tmp_path / "train", target_is_directory=True)
        with pytest.raises(DataError, match="are the same folder"):
            read_source(tmp_path)

    def test_val_of_links_to_train_is_refused(self, tmp_path: Path) -> None:
        make_classes(tmp_path / "train", {"cat": 2, "dog": 2})
        for file in (tmp_path / "train").rglob("*.png"):
            link = tmp_path / "val" / file.parent.name / f"link {file.name}"
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file)
        with pytest.raises(DataError, match="every picture of val is a picture of train"):
            read_source(tmp_path)

    def test_two_folders_for_one_split_are_refused(self, tmp_path: Path) -> None:
        for name in ("train", "val", "validation"):
            make_classes(tmp_path / name, {"cat": 1, "dog": 1})
        with pytest.raises(DataError, match="both mean the split val"):
            read_source(tmp_path)

    def test_a_stray_folder_is_refused(self, tmp_path: Path) -> None:
        for name in ("train", "val", "more"):
            make_classes(tmp_path / name, {"cat": 1, "dog": 1})
        with pytest.raises(DataError, match="neither val nor test"):
            read_source(tmp_path)

    def test_without_train_is_refused(self, tmp_path: Path) -> None:
        make_classes(tmp_path / "val", {"cat": 1, "dog": 1})
        with pytest.raises(DataError, match="no train folder"):
            read_source(tmp_path)


class TestLists:
    @pytest.fixture
    def pictures(self, tmp_path: Path) -> Path:
        for name in ("a 1.png", "b,2.png", "ü.png", "deep/c.png"):
            save(tmp_path / "files" / name, len(name))
        return tmp_path

    def write(self, folder: Path, text: str, encoding: str = "utf-8") -> Path:
        file = folder / "list.csv"
        file.write_bytes(text.encode(encoding))
        return file

    def test_csv(self, pictures: Path) -> None:
        text = 'path,label,split,group\nfiles/a 1.png,x,train,g\n"files/b,2.png",y,,\nfiles/ü.png,x,Valid,\n'
        table = read_source(self.write(pictures, text))
        assert rows(table, pictures) == [
            ("files/a 1.png", "x", "train"),
            ("files/b,2.png", "y", ""),
            ("files/ü.png", "x", "val"),
        ]
        assert table.groups == ("g", "", "")

    @pytest.mark.parametrize(
        "text",
        [
            "Label;Path\nx;files/a 1.png\ny;files/ü.png\n",
            "path\tlabel\r\nfiles/a 1.png\tx\r\nfiles/ü.png\ty\r\n",
            '"path","label","size"\n"files/a 1.png","x","3"\n"files/ü.png","y","4"\n\n',
            "label, path\nx, files/a 1.png\ny, files/ü.png\n",
        ],
    )
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
    def test_as_spreadsheets_write_it(self, pictures: Path, text: str, encoding: str) -> None:
        table = read_source(self.write(pictures, text, encoding))
        assert rows(table, pictures) == [("files/a 1.png", "x", ""), ("files/ü.png", "y", "")]

    def test_root_says_where_paths_start(self, pictures: Path) -> None:
        table = read_source(self.write(pictures, "path,label,root\nc.png,x,files/deep\na 1.png,y,files\n"))
        assert rows(table, pictures) == [("files/deep/c.png", "x", ""), ("files/a 1.png", "y", "")]

    def test_names_that_end_in_spaces_are_found(self, tmp_path: Path) -> None:
        save(tmp_path / " odd " / "a.png").rename(tmp_path / " odd " / "a.png ")
        save(tmp_path / " odd " / "b.png", 1)
        table = read_source(self.write(tmp_path, "path,label\n odd /a.png ,x\n odd /b.png,y\n"))
        assert [path.name for path in table.paths] == ["a.png ", "b.png"]

    def test_parquet(self, pictures: Path) -> None:
        columns = {"path": ["files/a 1.png", "files/ü.png"], "label": [3, 12], "split": [None, "test"], "size": [1, 2]}
        columns = {name: [*values, values[0]] for name, values in columns.items()}
        columns["path"][2] = "files/deep/c.png"
        columns["label"][2] = 12
        parquet.write_table(pyarrow.table(columns), pictures / "list.parquet")
        table = read_source(pictures / "list.parquet")
        assert table.classes == ("12", "3")
        assert table.splits == ("", "test", "")

    @pytest.mark.parametrize(
        ("text", "word"),
        [
            ("", "is empty"),
            ("path,class\nfiles/a 1.png,x\n", "no column 'label'"),
            ("path,label,label\nfiles/a 1.png,x,y\n", "more than once"),
            ("path,label\nfiles/a 1.png,x,y\n", "3 cells"),
            ("path,label\nfiles/a 1.png,\n", "empty label"),
            ("path,label\n,x\n", "empty path"),
            ("path,label,split\nfiles/a 1.png,x,trian\n", "'trian'"),
            ("path,label\nfiles/a 1.png,x\nnowhere.png,y\n", "1 of the 2 pictures .* do not exist"),
            ('path,label\n"files/a 1.png,x\n', "well-formed"),
            ("path,label\nfiles/a 1.png,x\nfiles/a 1.png,y\n", "different labels"),
            ("path,label\n", "lists no pictures"),
        ],
    )
    def test_what_is_wrong_is_named(self, pictures: Path, text: str, word: str) -> None:
        with pytest.raises(DataError, match=word):
            read_source(self.write(pictures, text))

    def test_another_encoding_is_refused(self, pictures: Path) -> None:
        with pytest.raises(DataError, match="not UTF-8"):
            read_source(self.write(pictures, "path,label\nfiles/ü.png,x\n", "latin-1"))

    def test_a_damaged_parquet_file(self, tmp_path: Path) -> None:
        (tmp_path / "list.parquet").write_bytes(b"PAR1 no")
        with pytest.raises(DataError, match="as Parquet"):
            read_source(tmp_path / "list.parquet")


class TestListPictures:
    def test_files_folders_and_patterns_each_once(self, tmp_path: Path) -> None:
        for name in ("a.png", "b [1].jpg", "sub/c.JPG"):
            save(tmp_path / name)
        found = list_pictures([tmp_path, tmp_path / "b [1].jpg", str(tmp_path / "*.png")])
        assert [path.name for path in found] == ["a.png", "b [1].jpg", "c.JPG"]

    def test_nothing_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="no pictures"):
            list_pictures([tmp_path])
        with pytest.raises(DataError, match="does not exist"):
            list_pictures([tmp_path / "*.png"])
