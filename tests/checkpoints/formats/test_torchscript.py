import gc
import io
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.checkpoints.formats.helpers import assert_same, pickled, refused, repack
from toprung.checkpoints.files import read_weights
from toprung.checkpoints.formats.archive import span

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.randn(6, 2))
        self.register_buffer("mask", torch.ones(3, 3).triu())
        self.register_buffer("gone", None)
        self.scale = 0.5
        self.names = ["a", "b"]

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.in_proj_weight.t() * self.scale


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()))
        self.attention = Attention()
        self.tied = self.stem[0].weight
        self.plain = torch.ones(2)  # neither parameter nor buffer
        self.image_size = 32
        self.kind = "net"

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).mean((2, 3))[:, :2]
        return self.attention(x) + self.plain.sum() + self.tied.sum()


def save(module: Any, file: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(module, file)


@pytest.fixture(params=["script", "trace"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, nn.Module]:
    net = Net().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        both = torch.jit.script(net) if request.param == "script" else torch.jit.trace(net, torch.randn(1, 3, 8, 8))
    save(both, tmp_path / "net.pt")
    return tmp_path / "net.pt", net


def test_names_and_values_are_those_of_state_dict(made: tuple[Path, nn.Module], monkeypatch: Any) -> None:
    file, net = made
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("the program was loaded"))
    found = read_weights(file)
    assert_same(found.tensors, dict(net.state_dict()))
    assert found.format == "TorchScript"
    assert found.wrapper == ""
    tied, conv = found.tensors["tied"], found.tensors["stem.0.weight"]
    assert tied.untyped_storage().data_ptr() == conv.untyped_storage().data_ptr()


def test_plain_attributes_are_entries(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save(torch.jit.script(Net()), tmp_path / "net.pt")
    assert read_weights(tmp_path / "net.pt").entries == {"image_size": 32, "kind": "net"}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_precision(tmp_path: Path, dtype: torch.dtype) -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1, bias=False)).to(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save(torch.jit.script(net), tmp_path / "net.pt")
    assert_same(read_weights(tmp_path / "net.pt").tensors, dict(net.state_dict()))


def test_a_foreign_class_is_refused_and_nothing_is_executed(made: tuple[Path, nn.Module], tmp_path: Path) -> None:
    file, _ = made
    for name, data in {
        "system": b"cposix\nsystem\nX\x0c\x00\x00\x00touch marker\x85R.",
        "eval": b"\x80\x02c__builtin__\neval\nX\x03\x00\x00\x001+1\x85R.",
        "builtin": b"\x80\x04\x8c\x08builtins\x8c\x04exec\x93\x8c\x03x=1\x85R.",
    }.items():
        repack(file, tmp_path / "bad.pt", {"data.pkl": data})
        assert "would run code" in refused(tmp_path / "bad.pt"), name


@pytest.mark.parametrize(
    "data",
    [
        b"", b".", b"\x80\x02N.", b"\x80\x02}.", b"\x80\x02r\xff\xff\xff\x7f.", b"\x80\x02Nr\xff\xff\xff\x7f.",
        b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\x00\x00.",
        b"\x80\x02c__torch__\nM\n(K\x01K\x02db.",  # a state given to the class itself
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nN}X\x0c\x00\x00\x00__defaults__)s\x86b.",
        b"\x80\x02ccollections\nOrderedDict\nN}X\x06\x00\x00\x00__eq__Ns\x86b.",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x02K\x03K\x04tR.",
        b"\x80\x02(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x07\x00\x00\x00nothingX\x03\x00\x00\x00cpuK\x01tQ.",
        b"\x80\x02X\x01\x00\x00\x00aQ.",
    ],
)  # fmt: skip
def test_damaged_objects_are_refused(made: tuple[Path, nn.Module], tmp_path: Path, data: bytes) -> None:
    repack(made[0], tmp_path / "bad.pt", {"data.pkl": data})
    refused(tmp_path / "bad.pt")


def test_a_tensor_beyond_its_storage_is_refused(made: tuple[Path, nn.Module], tmp_path: Path) -> None:
    with zipfile.ZipFile(made[0]) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/data/0"))
    repack(made[0], tmp_path / "bad.pt", {f"/{name.partition('/')[2]}": b"\0\0"})
    assert "damaged" in refused(tmp_path / "bad.pt")


def test_a_tensor_whose_storage_is_missing_is_refused(made: tuple[Path, nn.Module], tmp_path: Path) -> None:
    with zipfile.ZipFile(made[0]) as old, zipfile.ZipFile(tmp_path / "bad.pt", "w") as new:
        for name in old.namelist():
            if not name.endswith("data/1"):
                new.writestr(name, old.read(name))
    assert "damaged" in refused(tmp_path / "bad.pt")


def test_a_compressed_program_says_how_to_save(made: tuple[Path, nn.Module], tmp_path: Path) -> None:
    repack(made[0], tmp_path / "packed.pt", {}, zipfile.ZIP_DEFLATED)
    assert "torch.jit.save" in refused(tmp_path / "packed.pt")


def test_a_module_that_holds_itself_is_refused(made: tuple[Path, nn.Module], tmp_path: Path) -> None:
    data = b"\x80\x02c__torch__\nM\n)\x81q\x00}X\x01\x00\x00\x00ah\x00sb."
    repack(made[0], tmp_path / "bad.pt", {"data.pkl": data})
    assert "too deeply" in refused(tmp_path / "bad.pt")


def test_modules_that_multiply_end_in_time(made: tuple[Path, nn.Module], tmp_path: Path) -> None:
    module = b"c__torch__\nM\n)\x81"
    data = b"\x80\x02" + module + b"q\x00"
    for _ in range(50):  # 2 ** 50 paths to modules without tensors
        data += module + b"}(X\x01\x00\x00\x00ah\x00X\x01\x00\x00\x00bh\x00ubq\x00"
    repack(made[0], tmp_path / "bad.pt", {"data.pkl": data + b"."})
    assert "no tensors by name" in refused(tmp_path / "bad.pt")


def test_a_program_without_tensors_says_so(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save(torch.jit.script(nn.ReLU()), tmp_path / "net.pt")
    assert "no tensors by name" in refused(tmp_path / "net.pt")


def test_values_are_views_of_the_file_and_stay_when_it_is_gone(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(300, 300), nn.Linear(300, 300))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save(torch.jit.script(net), tmp_path / "net.pt")
    with zipfile.ZipFile(tmp_path / "net.pt") as archive:
        offsets = {entry.filename.rpartition("/")[2]: span(tmp_path / "net.pt", entry)[0]
                   for entry in archive.infolist() if "/data/" in entry.filename}  # fmt: skip
    tensors = read_weights(tmp_path / "net.pt").tensors
    places = sorted(tensor.data_ptr() for tensor in tensors.values())
    assert [place - places[0] for place in places] == [at - min(offsets.values()) for at in sorted(offsets.values())]
    kept = tensors["1.weight"]
    del tensors
    (tmp_path / "net.pt").unlink()
    gc.collect()
    ballast = [torch.full((300, 300), 7.0) for _ in range(50)]
    assert torch.equal(kept, net[1].weight)
    kept += 1  # a private mapping can be written
    assert torch.equal(kept, net[1].weight + 1)
    assert ballast


def test_the_reader_leaves_no_trace_of_what_a_pickle_sets(made: tuple[Path, nn.Module]) -> None:
    from toprung.checkpoints.formats.torchscript import _Reader

    data = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}X\x04\x00\x00\x00markK\x01sb."
    reader = _Reader(data, made[0], {})
    reader.load()
    assert not hasattr(_Reader(pickled(None), made[0], {})._tensor, "__wrapped__")
    assert io.BytesIO(data).read() == data
