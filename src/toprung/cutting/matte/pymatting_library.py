"""PyMatting, imported late and without side effects on the rest of the process."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
from pathlib import Path
from types import ModuleType

_log = logging.getLogger(__name__)


def pymatting() -> ModuleType:
    """Import PyMatting.

    The first import on a machine compiles it, which takes most of a minute and is told beforehand. Numba's OpenMP layer
    would set the number of threads of the whole process, torch's as well, and with it the last bits of every training
    run; its own work queue does not.
    """
    os.environ.setdefault("NUMBA_THREADING_LAYER", "workqueue")
    spec = importlib.util.find_spec("pymatting")
    if spec is not None and spec.origin is not None and not any(Path(spec.origin).parent.rglob("*.nbi")):
        _log.warning("PyMatting is compiled for this machine, once; this takes up to a minute.")
    return importlib.import_module("pymatting")
