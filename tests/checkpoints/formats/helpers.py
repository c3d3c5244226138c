"""What the tests of the readers share."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from toprung.checkpoints.files import read_weights
from toprung.errors import WeightsError

STATE = {"layer.weight": torch.arange(6.0).view(2, 3), "layer.bias": torch.tensor([0.5, -0.5])}


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype, name
        assert torch.equal(found[name], tensor), name


def refused(file: Path) -> str:
    """Return the message with which a file is refused: one line, with the file, without torch's advice."""
    with pytest.raises(WeightsError) as error:
        read_weights(file)
    message = str(error.value)
    assert str(file) in message
    assert "\n" not in message
    assert "weights_only" not in message
    assert len(message) < 600
    return message


def save_old(content: Any, file: Path) -> None:
    """Write as torch did before version 1.6: no archive."""
    torch.save(content, file, _use_new_zipfile_serialization=False)


def fake_class(module: str, name: str, base: type = object, **members: Any) -> type:
    """Make a class that pickles under a foreign name; install it with ``install``."""
    return type(name, (base,), {"__module__": module, "__qualname__": name, **members})


def repack(source: Path, file: Path, replace: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    """Copy a zip archive with some parts replaced (by the end of their names)."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(file, "w", compression) as new:
        for entry in old.infolist():
            content = next((by for end, by in replace.items() if entry.filename.endswith(end)), None)
            new.writestr(entry.filename, old.read(entry) if content is None else content)


class Trap:
    """Unpickling this makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = str(file)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.file, "w")


def pickled(content: Any, protocol: int = 2) -> bytes:
    return pickle.dumps(content, protocol=protocol)
