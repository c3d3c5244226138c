"""What a run folder holds of reconstructed pictures, for its page; without torch.

``reconstructions/index.json`` lists them in order; ``NN-original.webp``, ``NN-masked.webp`` and ``NN-painted.webp``
are the pictures.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from toprung.ladder.reading import listing, mapping, text
from toprung.runs.folder import RunFolder

KINDS = ("original", "masked", "painted")


def index_file(run: RunFolder) -> Path:
    """Return where the list of the pictures stands."""
    folder: Path = run.reconstructions
    return folder / "index.json"


def picture_file(run: RunFolder, number: int, kind: str) -> Path:
    """Return where a picture stands."""
    folder: Path = run.reconstructions
    return folder / f"{number:02}-{kind}.webp"


def shown(run: RunFolder, index: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the page shows of each picture: path, loss, and the pictures as data URIs, ``None`` where gone.

    Args:
        run: the folder.
        index: what :func:`index_file` holds, as damaged as it may be.
    """
    return [
        {"path": text(row.get("path")), "loss": row.get("loss")}
        | {kind: _embedded(picture_file(run, number, kind)) for kind in KINDS}
        for number, row in enumerate(map(mapping, listing(index.get("pictures"))))
    ]


def _embedded(file: Path) -> str | None:
    try:
        return "data:image/webp;base64," + base64.b64encode(file.read_bytes()).decode("ascii")
    except OSError:
        return None
