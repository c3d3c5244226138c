import argparse
import collections
import datetime
import pathlib
import pickle
import sys
import types
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.checkpoints.formats.helpers import STATE, Trap, assert_same, fake_class, pickled, refused, repack, save_old
from toprung.checkpoints.files import read_weights


def quantised() -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)


writers = pytest.mark.parametrize("write", [torch.save, save_old], ids=["archive", "old"])


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[type], type]:
    """Put a class where its name says, so that it can be pickled."""

    def put(kind: type) -> type:
        parts = kind.__module__.split(".")
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            monkeypatch.setitem(sys.modules, name, sys.modules.get(name) or types.ModuleType(name))
        setattr(sys.modules[kind.__module__], kind.__name__, kind)
        return kind

    return put


@writers
def test_what_public_files_hold_beside_the_tensors(tmp_path: Path, write: Any) -> None:
    content = {
        "model": STATE,
        "args": argparse.Namespace(lr=1e-3, blocks=[1, 2], out=pathlib.PosixPath("/out/x"), device=torch.device("cpu")),
        "simple": types.SimpleNamespace(a=1),
        "where": pathlib.PurePosixPath("a/b"),
        "windows": pathlib.PureWindowsPath("c:/x/y"),
        "best": np.float64(0.75),
        "step": np.int64(7),
        "flag": np.bool_(True),
        "name": np.str_("vit"),
        "size": torch.Size([1, 2]),
        "when": datetime.datetime(2024, 1, 2),
        "counts": collections.Counter(a=2),
        "by_default": collections.defaultdict(list, {"a": [1]}),
        "kind": torch.float16,
        "some": {1, 2},
        "version": torch.torch_version.TorchVersion("2.1.0"),
    }
    write(content, tmp_path / "weights.pth")
    found = read_weights(tmp_path / "weights.pth")
    assert_same(found.tensors, STATE)
    assert found.entries == {
        "args": {"lr": 1e-3, "blocks": [1, 2], "out": "/out/x"}, "simple": {"a": 1}, "where": "a/b",
        "windows": "c:\\x\\y", "best": 0.75, "step": 7, "flag": True, "name": "vit", "size": [1, 2], "counts": {"a": 2},
        "by_default": {"a": [1]}, "version": "2.1.0",
    }  # fmt: skip


@writers
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(3, dtype=">i4"), np.array(1.5, np.float16), np.zeros((0, 3)), np.array([True, False]),
        np.array([1 + 2j]), np.arange(4, dtype=np.uint8)[::2],
    ],
)  # fmt: skip
def test_numpy_arrays_are_read(tmp_path: Path, write: Any, array: np.ndarray) -> None:
    write({"a": array, "b": torch.ones(1)}, tmp_path / "weights.pth")
    found = read_weights(tmp_path / "weights.pth").tensors["a"]
    expected = torch.from_numpy(np.array(array, array.dtype.newbyteorder("="), order="C"))
    assert_same({"a": found}, {"a": expected})


@writers
def test_arrays_of_other_things_are_left(tmp_path: Path, write: Any) -> None:
    odd = {
        "o": np.array([{}, None], object),
        "s": np.array(["x"]),
        "d": np.zeros(2, "M8[s]"),
        "v": np.zeros(2, "f4,i4"),
    }
    write(STATE | odd, tmp_path / "weights.pth")
    assert_same(read_weights(tmp_path / "weights.pth").tensors, STATE)


def test_windows_paths_can_be_read_here(tmp_path: Path, install: Callable[[type], type]) -> None:
    torch.save({"model": STATE, "path": pathlib.PureWindowsPath("c:/x")}, tmp_path / "weights.pth")
    with zipfile.ZipFile(tmp_path / "weights.pth") as archive:
        data = archive.read("weights/data.pkl")
    changed = data.replace(b"cpathlib\nPureWindowsPath\n", b"cpathlib\nWindowsPath\n")
    assert changed != data
    repack(tmp_path / "weights.pth", tmp_path / "windows.pth", {"data.pkl": changed})
    assert read_weights(tmp_path / "windows.pth").entries == {"path": "c:\\x"}


@writers
def test_configuration_tables_of_other_packages(tmp_path: Path, write: Any, install: Callable[[type], type]) -> None:
    node = install(fake_class("yacs.config", "CfgNode", dict))
    config = node({"DATA": node({"IMG_SIZE": 224}), "NAME": "swin"})
    config.__dict__["__immutable__"] = True
    easy = install(fake_class("easydict", "EasyDict", dict))(a=1)
    easy.a = 1
    dictconfig = install(fake_class("omegaconf.dictconfig", "DictConfig"))
    anynode = install(fake_class("omegaconf.nodes", "AnyNode"))
    omega, leaf = dictconfig(), anynode()
    leaf.__dict__ |= {"_val": 0.1, "_metadata": None, "_parent": omega}
    omega.__dict__ |= {"_content": {"lr": leaf}, "_metadata": None, "_parent": None}
    history = install(fake_class("mmengine.logging.history_buffer", "HistoryBuffer"))
    buffer = history()
    buffer.__dict__ |= {"_log_history": np.arange(3.0), "_max_length": 3}
    callback = install(fake_class("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"))
    content = {"model": STATE, "config": config, "easy": easy, "omega": omega, "message_hub": {"loss": buffer},
               "callbacks": {callback: {"best": 1}}}  # fmt: skip
    write(content, tmp_path / "weights.pth")
    found = read_weights(tmp_path / "weights.pth")
    assert_same(found.tensors, STATE)
    assert found.entries["config"] == {"DATA": {"IMG_SIZE": 224}, "NAME": "swin"}
    assert found.entries["easy"] == {"a": 1}
    assert found.entries["omega"] == {"lr": 0.1}


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("archive", [True, False])
def test_a_pickled_class_is_refused_and_nothing_is_executed(tmp_path: Path, archive: bool, protocol: int) -> None:
    mark, file = tmp_path / "executed", tmp_path / "weights.pth"
    torch.save(
        {"model": STATE, "extra": Trap(mark)}, file, pickle_protocol=protocol, _use_new_zipfile_serialization=archive
    )
    message = refused(file)
    assert not mark.exists()
    assert "would run code" in message
    assert "open" in message
    torch.load(file, weights_only=False)  # so the trap was a trap
    assert mark.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_pickles_are_refused_and_nothing_is_executed(tmp_path: Path, protocol: int) -> None:
    file, mark = tmp_path / "weights.pkl", tmp_path / "executed"
    file.write_bytes(pickled({"w": Trap(mark)}, protocol))
    message = refused(file)
    assert not mark.exists()
    assert "open" in message or protocol == 0  # which is text
    file.write_bytes(pickled({"w": np.zeros(300), "b": 1}, protocol))
    assert "fetch it again" not in refused(file) or protocol == 0


def test_a_newer_protocol_says_how_to_save(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "weights.pth", pickle_protocol=4)
    assert "pickle protocol 4" in refused(tmp_path / "weights.pth")


@writers
def test_a_whole_pickled_model_names_its_class(tmp_path: Path, write: Any) -> None:
    write({"model": torch.nn.Linear(2, 2)}, tmp_path / "weights.pth")
    assert "torch.nn.modules.linear.Linear" in refused(tmp_path / "weights.pth")


@writers
@pytest.mark.parametrize("content", [bytearray(3), getattr, range(3), np.zeros(2, np.float32).__array__, Path.unlink])
def test_other_builtins_are_refused_by_name(tmp_path: Path, write: Any, content: Any) -> None:
    write({"model": STATE, "x": content}, tmp_path / "weights.pth")
    assert "would run code" in refused(tmp_path / "weights.pth")


@writers
@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (torch.ones(2, 2).to_sparse(), "sparse"),
        (quantised(), "quantised"),
        (torch.empty(2, 2, device="meta"), "no values"),
        (torch.zeros(1).expand(1 << 28), "claims 1,073,741,824 bytes"),
    ],
)
def test_tensors_that_are_no_plain_numbers_are_refused_by_name(
    tmp_path: Path, write: Any, tensor: torch.Tensor, said: str
) -> None:
    write({"model": STATE | {"odd": tensor}}, tmp_path / "weights.pth")
    message = refused(tmp_path / "weights.pth")
    assert "odd" in message
    assert said in message
    write({"model": STATE, "optimizer": {"odd": tensor}}, tmp_path / "weights.pth")
    assert_same(read_weights(tmp_path / "weights.pth").tensors, STATE)


def test_views_shared_tensors_and_every_dtype(tmp_path: Path) -> None:
    base = torch.arange(12.0).view(3, 4)
    kinds = [torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.int64, torch.bool, torch.complex64,
             torch.uint16, torch.float8_e4m3fn]  # fmt: skip
    state = {str(kind): torch.tensor([0.0, 1.0]).to(kind) for kind in kinds}
    state |= {"t": base.T, "row": base[1], "same": base, "empty": torch.zeros(0), "scalar": torch.tensor(3.0)}
    torch.save(state, tmp_path / "weights.pth")
    found = read_weights(tmp_path / "weights.pth").tensors
    assert found.keys() == state.keys()
    for name, tensor in state.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name].to(torch.complex64), tensor.to(torch.complex64))
    assert found["row"].untyped_storage().data_ptr() == found["same"].untyped_storage().data_ptr()


def test_a_compressed_archive_is_read_unless_it_is_a_bomb(tmp_path: Path) -> None:
    torch.save({"a": torch.randn(1000)}, tmp_path / "weights.pth")
    repack(tmp_path / "weights.pth", tmp_path / "packed.pth", {}, zipfile.ZIP_DEFLATED)
    found = read_weights(tmp_path / "packed.pth").tensors
    assert_same(found, torch.load(tmp_path / "weights.pth"))
    torch.save({"a": torch.zeros(20_000_000)}, tmp_path / "weights.pth")
    repack(tmp_path / "weights.pth", tmp_path / "packed.pth", {}, zipfile.ZIP_DEFLATED)
    assert "would expand to 80," in refused(tmp_path / "packed.pth")


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02r\xff\xff\xff\x7f.",  # a place in the memo that needs 64 GB
        b"\x80\x02Nr\xff\xff\xff\x7f.",
        b"\x80\x02X\xff\xff\xff\xffabc.",
        b"\x80\x02ctorch\nTensor\n\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x10\x85R.",
        b"\x80\x02ctorch.storage\nUntypedStorage\n\x8a\x06\x00\x00\x00\x00\x00\x10\x85R.",
        b"\x80\x02" + b"(" * 100_000 + b".",
        b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
        b"\x80\x02", b"", b".", b"\x80\x02N.", b"\x80\x02}Nb.",
        b"\x80\x02cargparse\nNamespace\n)\x81Nb.",
        b"\x80\x02cargparse\nNamespace\n}X\x01\x00\x00\x00aK\x01sb.",
        b"\x80\x02cnumpy\ndtype\nX\x02\x00\x00\x00O8\x85RK\x03\x85b.",
        b"\x80\x02cpathlib\nPosixPath\nK\x01\x85R.",
    ],
)  # fmt: skip
@pytest.mark.parametrize("script", [False, True])
def test_hostile_pickles_are_refused(tmp_path: Path, data: bytes, script: bool) -> None:
    with zipfile.ZipFile(tmp_path / "weights.pth", "w") as archive:
        archive.writestr("w/data.pkl", data)
        archive.writestr("w/version", b"3\n")
        if script:
            archive.writestr("w/constants.pkl", b"\x80\x02).")
    refused(tmp_path / "weights.pth")


def test_states_given_to_numpy_stay_inert(tmp_path: Path) -> None:
    """A dtype that claims to hold objects would make NumPy take the file's bytes for addresses."""
    data = (
        b"\x80\x02}X\x01\x00\x00\x00acnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x01\x85cnumpy\ndtype\nX\x02\x00\x00\x00V8\x85R(K\x03X\x01\x00\x00\x00|NNNK\x08K\x01K\x3ftb\x89"
        b"U\x08AAAAAAAAtbs."
    )
    with zipfile.ZipFile(tmp_path / "weights.pth", "w") as archive:
        archive.writestr("w/data.pkl", data)
        archive.writestr("w/version", b"3\n")
    assert "its entries are a" in refused(tmp_path / "weights.pth")


def test_two_data_files_and_none_are_refused(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "weights.pth")
    with zipfile.ZipFile(tmp_path / "weights.pth", "a") as archive:
        archive.writestr("other/data.pkl", b"\x80\x02}.")
    assert "without torch weights" in refused(tmp_path / "weights.pth")
    with zipfile.ZipFile(tmp_path / "zipped.zip", "w") as archive:
        archive.writestr("model.pth", b"x")
    assert "unpack it and give the file inside" in refused(tmp_path / "zipped.zip")


def test_a_large_training_checkpoint_is_looked_through_in_time(tmp_path: Path) -> None:
    state = {f"blocks.{i}.weight": torch.zeros(1) for i in range(3000)}
    torch.save({"model": state, "optimizer": {"state": dict(enumerate(state.values()))}}, tmp_path / "weights.pth")
    assert len(read_weights(tmp_path / "weights.pth").tensors) == 3000


def in_archive(file: Path, data: bytes) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("w/data.pkl", data)
        archive.writestr("w/version", b"3\n")
    return file


def text(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


ENCODE = b"c_codecs\nencode\n"
BY_ANOTHER = b"ctorch._tensor\n_rebuild_from_type_v2\n"


@pytest.mark.parametrize("codec", ["hex", "base64", "unicode_escape", "utf-8", ""])
def test_codecs_that_lengthen_are_not_called(tmp_path: Path, codec: str) -> None:
    """Hexadecimal digits of hexadecimal digits 40 times over are a million million bytes."""
    inner = ENCODE + text("x") + text("latin1") + b"\x86R"
    data = b"\x80\x02}" + text("w") + ENCODE * 40 + inner + (text(codec) + b"\x86R") * 40 + b"s."
    assert "calls _codecs.encode" in refused(in_archive(tmp_path / "w.pth", data))


@pytest.mark.parametrize(
    "call",
    [
        ENCODE + b"(" + text("x") + text("hex") + text("latin1") + b"tR",
        ENCODE + text("x") + b"\x85R",
        ENCODE + b"(" + text("x") + text("hex") + b"tR",
        text("hex") + b"q\x000" + ENCODE + b"q\x010h\x01" + text("x") + b"h\x00\x86R",  # by way of the memo
        BY_ANOTHER + b"(" + ENCODE + b"N" + text("x") + text("hex") + b"\x86NtR",
        BY_ANOTHER + b"(" + BY_ANOTHER + b"N(" + ENCODE + b"N" + text("x") + text("hex") + b"\x86NtNtR",
        b"ctorch\nTensor\n]K\x00a\x85R",
        b"ctorch\nTensor\nK\x02\x85\x81",
        b"ctorch\nFloatStorage\nK\x02\x85R",
        b"ctorch.storage\nUntypedStorage\nK\x02\x85R",
        b"ctorch.cuda\nFloatStorage\nK\x02\x85R",
    ],
)
def test_calls_that_no_file_makes_are_refused(tmp_path: Path, call: bytes) -> None:
    data = b"\x80\x02}" + text("w") + call + b"s."
    message = refused(in_archive(tmp_path / "w.pth", data))
    assert "as no weights file does" in message


def test_every_pickle_of_an_old_file_is_looked_through(tmp_path: Path) -> None:
    """Behind the content stands a list of names, which is a pickle too."""
    save_old(STATE, tmp_path / "weights.pth")
    content = (tmp_path / "weights.pth").read_bytes()
    start = content.rindex(b"\x80\x02]")
    bomb = b"\x80\x02" + ENCODE + text("x") + text("hex") + b"\x86R."
    (tmp_path / "weights.pth").write_bytes(content[:start] + bomb + content[start:])
    assert "calls _codecs.encode" in refused(tmp_path / "weights.pth")
    (tmp_path / "weights.pth").write_bytes(content[:start] + pickled(Trap(tmp_path / "executed")) + content[start:])
    assert "would run code" in refused(tmp_path / "weights.pth")
    assert not (tmp_path / "executed").exists()


def test_names_that_could_be_lengthened_again_and_again_stay_short(tmp_path: Path) -> None:
    path = b"cpathlib\nPosixPath\n" + text("x" * 1000) + b"\x85R"
    for _ in range(40):  # the path of a path and itself
        path = b"cpathlib\nPosixPath\n" + path + b"q\x00h\x00\x86R"
    pairs = b"N" + b"q\x00h\x00\x86" * 40
    data = b"\x80\x02}(" + text("path") + path + text("v") + b"ctorch.torch_version\nTorchVersion\n" + pairs + b"\x85R"
    data += text("w") + b"ccollections\nOrderedDict\n)Ru."
    message = refused(in_archive(tmp_path / "w.pth", data))
    assert "no tensors by name: its entries are path, v, w" in message


def test_two_parts_that_differ_in_capitals_are_refused(tmp_path: Path) -> None:
    """torch's reader takes one for the other: what it reads need not be what was looked through."""
    torch.save(STATE, tmp_path / "weights.pth")
    for name in ("weights/DATA.pkl", "WEIGHTS/data/0"):
        repack(tmp_path / "weights.pth", tmp_path / "two.pth", {})
        with zipfile.ZipFile(tmp_path / "two.pth", "a") as archive:
            archive.writestr(name, b"\x80\x02}.")
        assert "read in two ways" in refused(tmp_path / "two.pth")


def test_an_archive_with_two_directories_is_refused(tmp_path: Path) -> None:
    """Python takes the directory before the end; torch the one that the end points to."""
    with zipfile.ZipFile(tmp_path / "plain.pth", "w") as archive:
        archive.writestr("w/data.pkl", b"\x80\x02}.")
    content = (tmp_path / "plain.pth").read_bytes()
    (tmp_path / "two.pth").write_bytes(content[:-22] + content)
    assert "read in two ways" in refused(tmp_path / "two.pth")
    torch.save(STATE, tmp_path / "weights.pth")
    content = (tmp_path / "weights.pth").read_bytes()
    (tmp_path / "two.pth").write_bytes(content[:-98] + content)
    assert "read in two ways" in refused(tmp_path / "two.pth")
    with zipfile.ZipFile(tmp_path / "weights.pth", "a") as archive:
        archive.comment = b"a remark"
    assert "read in two ways" in refused(tmp_path / "weights.pth")


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99, 0.999])
@writers
def test_a_file_that_was_cut_says_so(tmp_path: Path, write: Any, share: float) -> None:
    write({f"layer{i}": torch.zeros(100) for i in range(20)}, tmp_path / "weights.pth")
    content = (tmp_path / "weights.pth").read_bytes()
    (tmp_path / "weights.pth").write_bytes(content[: int(share * len(content))])
    assert "cut off" in refused(tmp_path / "weights.pth")


def test_numbers_too_long_to_write_are_left(tmp_path: Path) -> None:
    torch.save({"model": STATE, "table": {1 << 1000: 1, 2: 3}}, tmp_path / "weights.pth")
    assert read_weights(tmp_path / "weights.pth").entries == {"table": {"2": 3}}
    torch.save({1 << 1000: torch.zeros(1)}, tmp_path / "weights.pth")
    assert "by a int" in refused(tmp_path / "weights.pth")
