"""One model -> a file for other programs, checked against the model before it gets its name."""

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
from toprung.ladder.export.pictures import ParityPictures, inputs_of
from toprung.runs.classifier import Classifier
from toprung.runs.exported.description import ExportDescription
from toprung.runs.opening import model_folder
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


def export_model(run: Path, *, kind: str, out: Path | None, choices: Choices, pictures: ParityPictures) -> Export:
    """Write the model of a run or of a model folder, as :func:`toprung.ladder.export.export.export_run` says.

    Args:
        run: where the model is.
        kind: the format.
        out: the file to write.
        choices: opset, 16 bits.
        pictures: to compare on.
    """
    form = format_file(kind)
    check_opset(kind, form, choices)
    name = name_of(run)
    file = out or Path(f"{name}{form.SUFFIX}")
    _check_place(file, form)
    classifier = Classifier.open(model_folder(run), "cpu")
    card = classifier.card
    images = inputs_of(pictures.sources, card.preprocessing)
    expected = _of_run(classifier, images)
    description = ExportDescription(
        name, card.architecture, card.classes, card.preprocessing, card.data_hash, choices.half
    )
    network = ExportNetwork(classifier.module, card.preprocessing)
    with workshop(file) as folder:
        written = folder / file.name
        form.write(network, written, description, choices)
        found = _of_export(form, written, images)
        parity = compare(expected, found, source=pictures.origin, allowed=ALLOWED[choices.half])
        refuse_difference(parity, run, file)
        beside = Path(f"{written}.json")
        write_json(beside, description.to_json() | {"format_of_file": kind, "parity": parity.to_json()})
        _put_in_place(folder, file)
    return Export(file, Path(f"{file}.json"), parity)


def refuse_difference(parity: Parity, run: Path, file: Path) -> None:
    """Refuse an export that does not answer as its run.

    Raises:
        ModelError: with the numbers.
    """
    if not parity.holds:
        raise ModelError(
            f"the exported model does not answer as {run} does, so {file} was not written: {parity.sentence()}."
        )


def check_opset(kind: str, form: FormatFile, choices: Choices) -> None:
    """Refuse an opset that the format does not have.

    Raises:
        RecipeError: so it is.
    """
    if choices.opset is None or choices.opset in form.OPSETS:
        return
    rule = f"{form.OPSETS[0]} … {form.OPSETS[-1]} can be written" if form.OPSETS else "it has none; leave --opset out"
    raise RecipeError(f"opset {choices.opset} is not possible for {kind}: {rule}.")


def _check_place(file: Path, form: FormatFile) -> None:
    if file.suffix != form.SUFFIX:
        raise RunError(f"{file} must end in {form.SUFFIX}, by which programs know what it is; give another --out.")
    for there in (file, Path(f"{file}.json")):
        refuse_existing(there)


def refuse_existing(file: Path) -> None:
    """Refuse a place at which something stands.

    Raises:
        RunError: so it is.
    """
    if file.exists():
        raise RunError(f"{file} exists already and is never overwritten; give another name with --out.")


def name_of(run: Path) -> str:
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
def workshop(file: Path) -> Iterator[Path]:
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


def _put_in_place(folder: Path, file: Path) -> None:
    """Move everything beside the place of ``file``, the file itself last: once it is there, all is there."""
    made = sorted(folder.iterdir(), key=lambda one: one.name == file.name)
    for one in made:
        refuse_existing(file.parent / one.name)
    for one in made:
        one.replace(file.parent / one.name)
