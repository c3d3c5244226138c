"""Every error that toprung raises on purpose, for the user.

    ToprungError                    base; the command line prints its message and exits with `exit_code`
    ├── DataError                   the pictures or their labels are not usable
    │   ├── UnreadableImage         one file cannot be opened as a picture
    │   └── LeakFound               the same picture stands in two splits and leaks are refused
    ├── RecipeError                 an unknown setting, or a value outside its range
    ├── ModelError                  unknown model name, or a model that cannot run as asked
    ├── WeightsError                a weights file is unreadable or cannot be had
    │   └── WeightsMismatch         the weights do not fit the model
    ├── RunError                    a run folder is missing, exists, is damaged, or comes from a newer version
    ├── CutoutError                 a photo, plate, mask or trimap cannot be cut out as asked
    ├── TrainingDiverged            the loss became NaN, infinite, or exploded
    └── StorageError                disk full, or no permission to write

A message says what is wrong with the offending value, and what to do. One sentence or two, no traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ToprungError(Exception):
    """Base of all errors meant for the user; ``str(error)`` is the whole message."""

    exit_code = 2


class DataError(ToprungError):
    """The pictures, labels or splits cannot be used as they are."""


class UnreadableImage(DataError):
    """One file cannot be opened as a picture; the message holds the reason."""


class LeakFound(DataError):
    """The same picture stands in more than one split, and leaks are refused."""


class RecipeError(ToprungError):
    """An unknown setting, or a value outside its range."""


class ModelError(ToprungError):
    """An unknown model name, or a model that cannot run with the settings asked for."""


class WeightsError(ToprungError):
    """A weights file cannot be read safely, or cannot be had."""


class WeightsMismatch(WeightsError):
    """The weights do not fit the model; the message holds the counts and the first keys."""


class RunError(ToprungError):
    """A run folder is missing, already there, damaged, or written by a newer version."""


class CutoutError(ToprungError):
    """A photo, plate, mask or trimap cannot be used for a cutout as asked."""


class TrainingDiverged(ToprungError):
    """Training stopped because the loss was NaN, infinite or exploding."""

    exit_code = 3


class StorageError(ToprungError):
    """Writing failed: the disk is full or the place is not writable."""


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """Return " Did you mean a, b or c?" for the known names most like ``name``, or "" when none is."""
    matches = difflib.get_close_matches(name, list(known), n=count, cutoff=0.5)
    if not matches:
        return ""
    listed = matches[0] if len(matches) == 1 else f"{', '.join(matches[:-1])} or {matches[-1]}"
    return f" Did you mean {listed}?"
