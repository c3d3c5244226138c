"""torch files: zip archives since 1.6 (memory-mapped), bare pickles before. Read with ``weights_only``.

The pickle is looked through first, so that a foreign class is refused by its name and nothing can fill the memory;
then torch's own restricted unpickler makes tensors and plain containers, and inert stand-ins for the rest.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from toprung.checkpoints.formats.archive import is_stored, read_entry, refuse_ambiguous
from toprung.checkpoints.formats.pickles import BadPickle, PickleScan, scan_pickle
from toprung.checkpoints.formats.showing import shown
from toprung.checkpoints.formats.stand_ins import stand_ins_for
from toprung.errors import WeightsError

_MAGIC = 0x1950A86A20F9469CFC6C  # the number that torch wrote first before 1.6
_LARGEST_PICKLE = 1 << 29
_OUR_PROTOCOL = 2  # the only one of torch's restricted unpickler
_OLD_PICKLES = 5  # mark, protocol, machine, content, names of the storages whose bytes follow
_REMEDY = "ask its authors for a plain state dict or a .safetensors file."
_DAMAGED = "is cut off or damaged; fetch it again."

# Names that torch's restricted unpickler makes tensors and plain containers from. Left out of what it allows: arrays
# of bytes (their length may be any number), nested tensors, and tensors that are moved to a device of the file's wish.
_TENSORS = re.compile(
    r"collections\.(OrderedDict|Counter)|builtins\.(set|complex)|_codecs\.encode|torch\.(Size|device|Tensor)"
    r"|torch\.(cuda\.)?\w+Storage|torch\.storage\.(TypedStorage|UntypedStorage|_LegacyStorage)"
    r"|torch\.serialization\._get_layout|torch\.nn\.parameter\.Parameter|torch\._tensor\._rebuild_from_type_v2"
    r"|torch\._utils\._rebuild_(parameter|parameter_with_state|tensor|tensor_v2|tensor_v3|qtensor|sparse_tensor"
    r"|meta_tensor_no_storage)|torch\.per_(tensor|channel)_\w+"
)

# What no file calls, though it names them: a call takes as much memory as its argument says.
_NEVER_CALLED = re.compile(r"torch\.Tensor|torch\.(cuda\.|storage\.)?\w+Storage")
# How Python writes bytes in the old protocol. Other codecs lengthen what they get, and can be called on each other.
_ENCODE, _CODEC = "_codecs.encode", "latin1"


def read_torch_archive(file: Path, entries: Sequence[zipfile.ZipInfo]) -> Any:
    """Return what a torch file holds, tensors mapped where the archive is not compressed.

    Raises:
        WeightsError: damaged, or holds an object of a class that would have to be rebuilt by its own code.
    """
    pickles = [entry for entry in entries if entry.filename.count("/") == 1 and entry.filename.endswith("/data.pkl")]
    if len(pickles) != 1:
        names = ", ".join(shown(entry.filename) for entry in entries[:3]) or "nothing"
        raise WeightsError(
            f"{file} is a zip archive without torch weights (it holds {names}); unpack it and give the file inside."
        )
    refuse_ambiguous(file, entries)
    if pickles[0].file_size > _LARGEST_PICKLE:
        raise WeightsError(f"{file} declares {pickles[0].file_size:,} bytes of Python objects; it is not read.")
    try:
        scan = scan_pickle(io.BytesIO(read_entry(file, pickles[0])))
    except BadPickle as error:
        raise WeightsError(f"{file} {_DAMAGED}") from error
    return _load(file, scan, mmap=is_stored(entries))


def read_old_torch(file: Path) -> Any:
    """Return what a torch file from before 1.6 holds.

    Raises:
        WeightsError: as :func:`read_torch_archive`; any other pickle too.
    """
    names: dict[str, None] = {}
    calls: frozenset[tuple[str, str]] = frozenset()
    protocol = 0
    is_torch = False
    try:
        with file.open("rb") as opened:
            for _ in range(_OLD_PICKLES):
                scan = scan_pickle(opened)
                is_torch = is_torch or _MAGIC in scan.numbers
                names |= dict.fromkeys(scan.names)
                calls |= scan.calls
                protocol = max(protocol, scan.protocol)
                if not is_torch:
                    break
    except BadPickle as error:
        raise WeightsError(f"{file} {_old_failing(is_torch, tuple(names))}") from error
    whole = PickleScan(tuple(names), protocol, calls=calls)
    if not is_torch:
        _refuse_foreign(file, whole)
        raise WeightsError(
            f"{file} is a Python pickle and no torch file; save its arrays with numpy.savez or as .safetensors."
        )
    return _load(file, whole, mmap=False)


def _load(file: Path, scan: PickleScan, *, mmap: bool) -> Any:
    _refuse_foreign(file, scan)
    if scan.protocol > _OUR_PROTOCOL:
        raise WeightsError(
            f"{file} was saved with pickle protocol {scan.protocol}, which torch's safe reader does not know; save it "
            "again with torch.save's own protocol, or as .safetensors."
        )
    stand_ins: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
        (stand_in, name) for name, stand_in in stand_ins_for(scan.names).items()
    ]
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(stand_ins):
            warnings.simplefilter("ignore")
            try:
                return _torch_load(file, mmap, encoding="utf-8")
            except UnicodeDecodeError:  # bytes of Python 2
                return _torch_load(file, mmap, encoding="latin1")
    except MemoryError as error:
        raise WeightsError(f"{file} declares more than fits in memory; it is damaged or hostile.") from error
    except Exception as error:  # a damaged file makes torch's readers raise almost anything
        raise WeightsError(f"{file} {_DAMAGED}") from error


def _torch_load(file: Path, mmap: bool, encoding: str) -> Any:
    if file.suffix == ".safetensors":  # torch goes by the name: it would not look what the file is
        with file.open("rb") as opened:
            return torch.load(opened, map_location="cpu", weights_only=True, encoding=encoding)
    return torch.load(file, map_location="cpu", weights_only=True, mmap=mmap, encoding=encoding)


def _refuse_foreign(file: Path, scan: PickleScan) -> None:
    allowed = stand_ins_for(scan.names)
    for name in scan.names:
        if not _TENSORS.fullmatch(name) and name not in allowed and not _is_dtype(name):
            raise WeightsError(
                f"{file} holds an object of {shown(name)}; rebuilding it would run code, which toprung never does: "
                f"{_REMEDY}"
            )
    for name, argument in scan.calls:
        if _NEVER_CALLED.fullmatch(name) or (name == _ENCODE and argument != _CODEC):
            raise WeightsError(f"{file} calls {shown(name)} as no weights file does; it is damaged or hostile.")


def _is_dtype(name: str) -> bool:
    module, _, kind = name.partition(".")
    return module == "torch" and isinstance(getattr(torch, kind, None), torch.dtype)


def _old_failing(is_torch: bool, names: tuple[str, ...]) -> str:
    if is_torch:
        return _DAMAGED
    if names:
        return f"is no torch weights file but a cut-off or damaged pickle of {shown(names[0])}; fetch it again."
    return "is no weights file that toprung knows, or one that is damaged at its beginning; fetch it again."
