"""A run's model -> files for other programs, checked against the run before they get their names."""

from __future__ import annotations

from pathlib import Path

from toprung.ladder.export.formats import Choices
from toprung.ladder.export.fused import export_fused
from toprung.ladder.export.pictures import parity_pictures
from toprung.ladder.export.single import Export, export_model
from toprung.runs.fusion_card import is_fused
from toprung.runs.opening import model_folder


def export_run(run: Path, *, kind: str = "onnx", out: Path | None = None, choices: Choices | None = None) -> Export:
    """Write a run's best model for other programs.

    The model takes 8-bit pictures ``(B, 3, H, W)`` of any number B and gives float32 logits ``(B, C)``; normalisation
    is inside. Beside it ``FILE.json`` says how to make its input from a picture. Where the two answer differently,
    nothing is left behind.

    A fused run becomes a folder with a file for each member, and ``fusion.json``, which says how their answers are put
    together; it is compared as a whole, too.

    Args:
        run: a run folder, or the ``model`` folder of one.
        kind: a format, one of :func:`toprung.ladder.export.formats.format_names`.
        out: the file to write, the folder of a fused run; ``None`` for the run's name in this folder.
        choices: opset, 16 bits.

    Raises:
        RunError: no model there, or a file stands at ``out`` already.
        RecipeError: an unknown format, or an opset that it does not have.
        ModelError: the format cannot express the model, a package is missing, or the written model answers differently.
        StorageError: full disk, or no permission.
    """
    folder, wanted = model_folder(run), choices or Choices()
    export = export_fused if is_fused(folder) else export_model
    return export(run, kind=kind, out=out, choices=wanted, pictures=parity_pictures(run))
