"""The weights of a saved model: safetensors, laid out so that they can be used where they lie on the disk.

Matrix products round by how their operands are aligned in memory. A mapped tensor starts where the file puts it, so
the header is padded until the data begin at a multiple of 64 bytes; nearly all tensors of a large network are then
aligned as memory of one's own is, and the few that are not get copied. Equal tensors give equal files, byte for byte;
the safetensors package writes the entries of its header in an order that changes from process to process.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn

from toprung.checkpoints.formats.safetensors_writer import ALIGNMENT, Entry, order_of, writing
from toprung.models.blocks.lora import merged_state
from toprung.storage import replacing


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
    entries = {name: Entry(tensor.dtype, tuple(tensor.shape)) for name, tensor in state.items()}
    with replacing(file) as temporary, writing(temporary, entries) as writer:
        for name in order_of(entries):
            writer.write(state[name].cpu())


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
