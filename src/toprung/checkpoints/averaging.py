"""The weighted mean of weights files, streamed from the disk: one tensor's part at a time, however many files.

Files are mapped, sums are taken in float64 over parts that fit the processor's cache, and the result is written as it
comes. What a file holds that cannot be mapped (compressed, or from before torch 1.6) is first copied to one that can.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from toprung.checkpoints.files import WeightsFile, read_weights
from toprung.checkpoints.formats.archive import checked_directory, is_stored
from toprung.checkpoints.formats.safetensors_writer import Entry, SafetensorsWriter, order_of, writing
from toprung.checkpoints.formats.tensors import State
from toprung.data.malloc import return_freed_memory
from toprung.errors import WeightsError, WeightsMismatch
from toprung.storage import replacing

_PART = 1 << 18  # numbers summed at a time: 2 MB of float64
_SHOWN = 3


@dataclass(frozen=True)
class AverageAccount:
    """What became of the tensors.

    Attributes:
        averaged: names of those that are means.
        kept: names of those of whole numbers, such as counters, that are the last file's.
        widened: names of those that were of 16 bits or fewer and are float32 now: a mean needs the digits.
    """

    averaged: tuple[str, ...]
    kept: tuple[str, ...]
    widened: tuple[str, ...]


def average_files(
    files: Sequence[Path],
    shares: Sequence[float],
    out: Path,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> AverageAccount:
    """Write ``sum_i shares_i * file_i``, tensor by tensor, as a safetensors file.

    Equal to the mean in float64, rounded once. A file with a share of 0 is not read.

    Args:
        files: weights files, or folders of Hugging Face models, of one architecture.
        shares: of each file, 0 or more; they add up to 1.
        out: the file to make, in one step.
        progress: told of bytes written and in all.

    Raises:
        WeightsMismatch: other names or shapes than in the first file; both files and the name are told.
        WeightsError: a file that cannot be read, or NaN or infinite values in it.
        StorageError: full disk, or no permission.
    """
    if len(files) != len(shares) or min(shares) < 0 or not math.isclose(math.fsum(shares), 1, rel_tol=1e-9):
        raise ValueError(f"{len(files)} files need as many shares that add up to 1, got {list(shares)}")
    used = [(file, share) for file, share in zip(files, shares, strict=True) if share > 0]
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".averaging.", dir=out.parent) as scratch:
        opened = open_alike([file for file, _ in used], Path(scratch))
        return _write(opened, [share for _, share in used], out, progress)


def open_alike(files: Sequence[Path], scratch: Path) -> list[WeightsFile]:
    """Open weights files, mapped, that hold the same names and shapes.

    Args:
        files: as :func:`toprung.checkpoints.files.read_weights` takes them.
        scratch: a folder for copies of files that cannot be mapped.

    Raises:
        WeightsMismatch, WeightsError: as :func:`average_files`.
    """
    opened: list[WeightsFile] = []
    for number, file in enumerate(files):
        read = read_weights(file)
        if opened:
            refuse_other_tensors(shapes_of(read.tensors), read.path, shapes_of(opened[0].tensors), opened[0].path)
        if not _is_mapped(read):
            read = _mapped_copy(read, scratch / f"{number}.safetensors")
            return_freed_memory()  # else the C library keeps the room of many such files
        opened.append(read)
    return opened


Shapes = dict[str, tuple[int, ...]]


def shapes_of(tensors: State) -> Shapes:
    """Return the shape of each tensor by its name."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def refuse_other_tensors(shapes: Shapes, file: Path, first: Shapes, first_file: Path) -> None:
    """Refuse weights of another architecture than the first ones.

    Raises:
        WeightsMismatch: naming both files, the first name that differs and how.
    """
    problems = [f"it lacks {name}" for name in first if name not in shapes]
    problems += [f"it has {name}, which the other lacks" for name in shapes if name not in first]
    problems += [
        f"{name} is {_shape(shapes[name])} and there {_shape(first[name])}"
        for name in first
        if name in shapes and shapes[name] != first[name]
    ]
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise WeightsMismatch(
            f"{file} cannot be averaged with {first_file}: {'; '.join(problems[:_SHOWN])}{more}. "
            "Give files of one architecture with one number of classes."
        )


def _write(
    opened: Sequence[WeightsFile], shares: Sequence[float], out: Path, progress: Callable[[int, int], None]
) -> AverageAccount:
    first, last = opened[0].tensors, opened[-1].tensors
    floating = {name for name in first if any(file.tensors[name].is_floating_point() for file in opened)}
    entries = {
        name: Entry(_result_type(opened, name) if name in floating else last[name].dtype, tuple(first[name].shape))
        for name in first
    }
    total = sum(entry.bytes for entry in entries.values())
    done = 0
    with replacing(out) as temporary, writing(temporary, entries) as writer:
        for name in order_of(entries):
            if name in floating:
                _write_mean(writer, name, opened, shares, entries[name].dtype)
            else:
                writer.write(last[name])
            done += entries[name].bytes
            progress(done, total)
    narrow = {n for n in floating if all(file.tensors[n].element_size() < 4 for file in opened)}
    return AverageAccount(
        averaged=tuple(name for name in first if name in floating),
        kept=tuple(name for name in first if name not in floating),
        widened=tuple(name for name in first if name in narrow) if len(opened) > 1 else (),
    )


def _result_type(opened: Sequence[WeightsFile], name: str) -> torch.dtype:
    kinds = {file.tensors[name].dtype for file in opened}
    if len(opened) == 1:
        return kinds.pop()
    return torch.float64 if torch.float64 in kinds else torch.float32


def _write_mean(
    writer: SafetensorsWriter,
    name: str,
    opened: Sequence[WeightsFile],
    shares: Sequence[float],
    result: torch.dtype,
) -> None:
    flat = [file.tensors[name].reshape(-1) for file in opened]
    even = max(shares) == min(shares)  # dividing once rounds less: equal values stay exactly what they are
    for start in range(0, flat[0].numel(), _PART):
        parts = [tensor[start : start + _PART] for tensor in flat]
        total = parts[0].to(torch.float64, copy=True)
        if even:
            for part in parts[1:]:
                total.add_(part)
            total.div_(len(parts))
        else:
            total.mul_(shares[0])
            for part, share in zip(parts[1:], shares[1:], strict=True):
                total.add_(part, alpha=share)
        if not bool(torch.isfinite(total.sum())) and not bool(torch.isfinite(total).all()):
            raise WeightsError(_not_finite(name, opened))
        writer.write(total.to(result))


def _not_finite(name: str, opened: Sequence[WeightsFile]) -> str:
    for file in opened:
        bad = int((~torch.isfinite(file.tensors[name])).sum())
        if bad:
            return (
                f"{file.path}: {bad} of the {file.tensors[name].numel():,} values of {name} are NaN or infinite; {_OUT}"
            )
    return f"the mean of {name} is too large for its kind of numbers; {_OUT}"


_OUT = "the run has diverged or the file is damaged, leave it out."


def _is_mapped(file: WeightsFile) -> bool:
    """Say whether the numbers can be read from the disk in their order, without a copy in memory."""
    if not all(tensor.is_contiguous() for tensor in file.tensors.values()):
        return False
    if file.format.endswith("safetensors"):
        return True
    return file.format == "torch" and file.path.is_file() and is_stored(checked_directory(file.path))


def _mapped_copy(file: WeightsFile, copy: Path) -> WeightsFile:
    entries = {name: Entry(tensor.dtype, tuple(tensor.shape)) for name, tensor in file.tensors.items()}
    with replacing(copy) as temporary, writing(temporary, entries) as writer:
        for name in order_of(entries):
            writer.write(file.tensors[name])
    return WeightsFile(file.path, "safetensors", read_weights(copy).tensors)


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "one number"
