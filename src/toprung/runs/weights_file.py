"""The weights of a saved model: safetensors, laid out so that they can be used where they lie on the disk.

Matrix products round by how their operands are aligned in memory. A mapped tensor starts where the file puts it, so
the header is padded until the data begin at a multiple of 64 bytes; nearly all tensors of a large network are then
aligned as memory of one's own is, and the few that are not get copied.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from toprung.models.blocks.lora import merged_state
from toprung.storage import replacing

ALIGNMENT = 64
_paddings: dict[int, int] = {}  # layout -> spaces in the header, found when the layout was first written


def write_weights(file: Path, model: nn.Module) -> None:
    """Write a model's tensors, in one step; those of adapters merged into the layers that they stand beside.

    Raises:
        StorageError: full disk, or no permission.
    """
    write_tensors(file, merged_state(model))


def write_tensors(file: Path, state: Mapping[str, Tensor]) -> None:
    """Write tensors by name, in one step.

    Raises:
        StorageError: full disk, or no permission.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    layout = hash(tuple((name, tensor.shape, tensor.dtype) for name, tensor in tensors.items()))
    with replacing(file) as temporary:
        _save(tensors, temporary, _paddings.get(layout, 0))
        lacking = -_data_start(temporary) % ALIGNMENT
        if lacking:  # the first time that such a model is written
            _paddings[layout] = lacking
            _save(tensors, temporary, lacking)


def read_weights(file: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name, mapped where they are aligned, else copied.

    A mapped file may be replaced by renaming another over it, or removed, but not be cut short where it lies.

    Raises:
        SafetensorError, OSError, ValueError: missing or damaged.
    """
    return {
        name: tensor if tensor.data_ptr() % ALIGNMENT == 0 else tensor.clone()
        for name, tensor in load_file(file).items()
    }


def _save(tensors: Mapping[str, Tensor], file: Path, padding: int) -> None:
    try:
        save_file(dict(tensors), file, {"format": "pt", "padding": " " * padding})
    except Exception as error:  # safetensors wraps the operating system's error in its own class
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from error


def _data_start(file: Path) -> int:
    with file.open("rb") as opened:
        return 8 + int.from_bytes(opened.read(8), "little")
