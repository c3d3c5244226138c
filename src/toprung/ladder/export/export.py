"""A run's model -> a file for other programs, checked against the run before it gets its name."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from toprung.data.loaders import normalise
from toprung.errors import ModelError, RecipeError, RunError, ToprungError
from toprung.ladder.export.formats import Choices, FormatFile, format_file
from toprung.ladder.export.network import ExportNetwork
from toprung.ladder.export.parity import ALLOWED, Parity, answers, compare
from toprung.ladder.export.pictures import parity_inputs
from toprung.runs.classifier import Classifier, model_folder
from toprung.runs.exported.description import ExportDescription
from toprung.storage import explain, make_folder, write_json


@dataclass(frozen=True)
class Export:
    """What was written.

    Attributes:
        file: the model.
        description: the JSON beside it.
        parity: how far it is from the run.
    """

    file: Path
    description: Path
    parity: Parity


def export_run(run: Path, *, kind: str = "onnx", out: Path | None = None, choices: Choices | None = None) -> Export:
    """Write a run's best model for other programs.

    The model takes 8-bit pictures ``(B, 3, H, W)`` of any number B and gives float32 logits ``(B, C)``; normalisation
    is inside. Beside it ``FILE.json`` says how to make its input from a picture. Where the two answer differently,
    nothing is left behind.

    Args:
        run: a run folder, or the ``model`` folder of one.
        kind: a format, one of :func:`toprung.ladder.export.formats.format_names`.
        out: the file to write; ``None`` for the run's name in this folder.
        choices: opset, 16 bits.

    Raises:
        RunError: no model there, or a file stands at ``out`` already.
        RecipeError: an unknown format, or an opset that it does not have.
        ModelError: the format cannot express the model, a package is missing, or the written model answers differently.
        StorageError: full disk, or no permission.
    """
    form, wanted = format_file(kind), choices or Choices()
    _check_opset(kind, form, wanted)
    folder = model_folder(run)
    name = _name(run)
    file = out or Path(f"{name}{form.SUFFIX}")
    _check_place(file, form)
    classifier = Classifier.open(folder, "cpu")
    card = classifier.card
    images, origin = parity_inputs(run, card.preprocessing)
    expected = _of_run(classifier, images)
    description = ExportDescription(
        name, card.architecture, card.classes, card.preprocessing, card.data_hash, wanted.half
    )
    network = ExportNetwork(classifier.module, card.preprocessing)
    with _workshop(file) as workshop:
        written = workshop / file.name
        form.write(network, written, description, wanted)
        found = _of_export(form, written, images)
        parity = compare(expected, found, source=origin, allowed=ALLOWED[wanted.half])
        if not parity.holds:
            raise ModelError(
                f"the exported model does not answer as {run} does, so {file} was not written: {parity.sentence()}."
            )
        beside = Path(f"{written}.json")
        write_json(beside, description.to_json() | {"format_of_file": kind, "parity": parity.to_json()})
        _put_in_place(workshop, file)
    return Export(file, Path(f"{file}.json"), parity)


def _check_opset(kind: str, form: FormatFile, choices: Choices) -> None:
    if choices.opset is None or choices.opset in form.OPSETS:
        return
    rule = f"{form.OPSETS[0]} … {form.OPSETS[-1]} can be written" if form.OPSETS else "it has none; leave --opset out"
    raise RecipeError(f"opset {choices.opset} is not possible for {kind}: {rule}.")


def _check_place(file: Path, form: FormatFile) -> None:
    if file.suffix != form.SUFFIX:
        raise RunError(f"{file} must end in {form.SUFFIX}, by which programs know what it is; give another --out.")
    for there in (file, Path(f"{file}.json")):
        _refuse_existing(there)


def _refuse_existing(file: Path) -> None:
    if file.exists():
        raise RunError(f"{file} exists already and is never overwritten; give another name with --out.")


def _name(run: Path) -> str:
    """Return the name of a run, also of one whose model folder is given."""
    place = run.resolve()
    return place.parent.name if place.name == "model" else place.name


def _of_run(classifier: Classifier, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the run's logits, computed as predicting does."""
    how = classifier.card.preprocessing

    def answer(part: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            pictures = torch.from_numpy(np.ascontiguousarray(part))
            logits: NDArray[np.float32] = classifier.module(normalise(pictures, how.mean, how.std)).float().numpy()
        return logits

    return answers(answer, images)


def _of_export(form: FormatFile, file: Path, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    try:
        return answers(form.opened(file), images)
    except ToprungError as error:
        raise ModelError(f"the exported model cannot be run, so nothing was written: {error}") from error
    except Exception as error:  # each runtime has errors of its own
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"the exported model cannot be run, so nothing was written: {reason}.") from error


@contextlib.contextmanager
def _workshop(file: Path) -> Iterator[Path]:
    """Give a folder beside ``file`` to write in; it goes when the body ends."""
    make_folder(file.parent)
    folder: Path | None = None
    try:
        folder = Path(tempfile.mkdtemp(dir=file.parent, prefix=f".{file.name[:40]}.", suffix=".partial"))
        yield folder
    except OSError as error:
        raise explain(error, file) from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _put_in_place(workshop: Path, file: Path) -> None:
    """Move everything beside the place of ``file``, the file itself last: once it is there, all is there."""
    made = sorted(workshop.iterdir(), key=lambda one: one.name == file.name)
    for one in made:
        _refuse_existing(file.parent / one.name)
    for one in made:
        one.replace(file.parent / one.name)
