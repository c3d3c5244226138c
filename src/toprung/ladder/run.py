"""A finished run as a Python object: its model predicts, its scores are there, and it scores other pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from toprung.data.table import Table
from toprung.errors import DataError
from toprung.evaluation.predictions import Predictions
from toprung.ladder.display import Display, Silent
from toprung.runs.classifier import Classifier, Prediction
from toprung.runs.folder import RunFolder
from toprung.runs.fused import FusedClassifier, open_classifier
from toprung.runs.fusion_card import is_fused
from toprung.runs.scores import stored_scores
from toprung.training.recipe import Recipe

if TYPE_CHECKING:
    from toprung.evaluation.tiling import Tiling


class Run:
    """One run folder; made by :func:`toprung.load` and :func:`toprung.train`.

    Args:
        path: the folder, ``runs/<name>``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``, for predicting.

    Raises:
        RunError: no such folder, not a run, damaged, or from a newer version.
    """

    def __init__(self, path: Path | str, *, device: str = "auto") -> None:
        self._folder = RunFolder.open(path)
        self._device = device

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.record.get('status')})"

    @property
    def path(self) -> Path:
        """The run folder."""
        return self._folder.path

    @property
    def record(self) -> dict[str, Any]:
        """``run.json``: name, status, model, times."""
        return self._folder.record()

    @cached_property
    def recipe(self) -> Recipe:
        """The resolved recipe."""
        return Recipe.read(self._folder.recipe_file)

    @cached_property
    def classifier(self) -> Classifier | FusedClassifier:
        """The best model of the run, loaded at its first use."""
        return open_classifier(self._folder.model, self._device)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, by output."""
        return self.classifier.classes

    @property
    def scores(self) -> dict[str, Any]:
        """Scores by split, as :func:`toprung.evaluation.metrics.score` gives them.

        Raises:
            RunError: the run has none yet.
        """
        return self._folder.read_json(self._folder.scores_file)

    def predictions(self, split: str) -> Predictions:
        """Return what the best model said of the run's own ``val`` or ``test`` pictures.

        Raises:
            RunError: the run holds none for this split.
        """
        return Predictions.read(self._folder.predictions_file(split))

    @overload
    def predict(
        self,
        pictures: list[Any] | tuple[Any, ...],
        *,
        batch_size: int = 32,
        views: Sequence[str] = (),
        tiles: Tiling | None = None,
    ) -> list[Prediction]: ...
    @overload
    def predict(
        self, pictures: Any, *, batch_size: int = 32, views: Sequence[str] = (), tiles: Tiling | None = None
    ) -> Prediction: ...
    def predict(
        self, pictures: Any, *, batch_size: int = 32, views: Sequence[str] = (), tiles: Tiling | None = None
    ) -> Prediction | list[Prediction]:
        """Classify one picture or a list of them; see :meth:`toprung.runs.classifier.Classifier.predict`.

        Args:
            pictures: paths, bytes, PIL images or arrays.
            batch_size: inputs per forward pass.
            views: kinds of views whose probabilities are averaged, such as ``("flip", "five-crop")``.
            tiles: cut each picture into tiles; see :class:`toprung.evaluation.tiling.Tiling`.

        Raises:
            UnreadableImage: a picture cannot be opened.
            RecipeError: an unknown kind of views.
        """
        from toprung.ladder.looking import Looking

        classifier: Any = Looking(tuple(views), tiles).around(self.classifier)
        return classifier.predict(pictures, batch_size=batch_size)

    def validate(
        self,
        source: Path | str | None = None,
        *,
        split: str | None = None,
        views: Sequence[str] = (),
        tiles: Tiling | None = None,
        display: Display | None = None,
    ) -> dict[str, Any]:
        """Score the model.

        Args:
            source: labelled pictures (folder, CSV or Parquet), or ``None`` for the run's own.
            split: which split; ``None`` for test where there is one, else val, else all pictures.
            views: kinds of views whose probabilities are averaged.
            tiles: cut each picture into tiles.
            display: where to show progress.

        Returns:
            The scores, with ``split`` added; see :func:`toprung.evaluation.metrics.score`. With views or tiles on the
            run's own pictures also ``gain``, over plain prediction: :class:`toprung.ladder.gain.Gain` as plain values.

        Raises:
            RunError: the run holds no scores for this split.
            DataError: the pictures cannot be used, or hold a class that the model does not know.
            RecipeError: an unknown kind of views.
        """
        from toprung.ladder.gain import validate_own
        from toprung.ladder.looking import Looking
        from toprung.ladder.validating import validate_source

        looking, shown = Looking(tuple(views), tiles), display or Silent()
        if source is None and not looking:
            return stored_scores(self._folder, split)
        classifier = looking.around(self.classifier)
        if source is not None:
            return validate_source(classifier, Path(source), split=split, display=shown).scores
        result, gain = validate_own(self._folder, classifier, split=split, display=shown)
        return result.scores | ({"gain": gain.to_json()} if gain else {})

    def table(self) -> Table:
        """Return the pictures of the run with labels and splits."""
        from toprung.data.table_csv import read_table_csv

        return read_table_csv(self._folder.table_file)


def load(path: Path | str, *, device: str = "auto") -> Run | Classifier | FusedClassifier:
    """Load a trained model, ready to predict.

    Args:
        path: a run folder, or the ``model`` folder of one, which can be copied anywhere by itself.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Returns:
        A :class:`Run` for a run folder, else a :class:`Classifier`, or a :class:`FusedClassifier` of several; all have
        ``predict`` and ``classes``.

    Raises:
        RunError: no such folder, damaged, from a newer version, or without a model yet.
    """
    folder = Path(path)
    if (folder / "model.json").is_file() or is_fused(folder):
        return open_classifier(folder, device)
    run = Run(folder, device=device)
    _ = run.classifier  # a model that cannot be loaded is told now, not at the first picture
    return run


def train(
    source: Path | str | None = None,
    *,
    parent: Path | str | None = None,
    model: str | None = None,
    weights: str | None = None,
    preset: str = "finetune",
    settings: dict[str, Any] | None = None,
    recipe: Recipe | None = None,
    out: Path | str | None = None,
    runs: Path | str = "runs",
    progress: bool = True,
) -> Run:
    """Train a classifier on labelled pictures; the command ``toprung train`` as a function.

    Args:
        source: folder of class folders, folder of train/val/test folders, CSV or Parquet file; ``None`` for the
            pictures of ``parent``.
        parent: a run to go on from: its weights, and its recipe under the preset.
        model: any timm name; ``None`` leaves the preset's.
        weights: ``pretrained``, ``none``, a file, or ``package:NAME``; ``None`` leaves the preset's.
        preset: starting point of the recipe.
        settings: dotted names to values, such as ``{"optimisation.lr": 1e-4}``.
        recipe: a whole recipe in place of the preset.
        out: the run folder to make; ``None`` for a new one below ``runs``.
        runs: where runs stand.
        progress: show what happens on the terminal.

    Returns:
        The finished run.

    Raises:
        ToprungError: for each thing that can be wrong with the pictures, settings, weights or disk.
    """
    from toprung.ladder.display import RichDisplay
    from toprung.ladder.parent import pictures_of, recipe_of
    from toprung.ladder.rung import climb_rung
    from toprung.training.presets import compose

    if source is None and parent is None:
        raise DataError("there are no pictures to train on: give source, or parent for those of a run.")
    base = None if parent is None else recipe_of(Path(parent))
    pictures = Path(source) if source is not None else pictures_of(Path(parent or ""))
    given = {"model.name": model, "model.weights": weights}
    wanted = {name: value for name, value in given.items() if value is not None} | (settings or {})
    chosen = recipe.with_settings(wanted) if recipe else compose(preset, wanted, base=base)
    display = RichDisplay() if progress else Silent()
    folder = climb_rung(pictures, chosen, out=None if out is None else Path(out), runs=Path(runs), display=display)
    return Run(folder.path)
