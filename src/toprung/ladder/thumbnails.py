"""Small pictures that live inside the report's file."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from toprung.errors import ToprungError

SIDE = 224  # pixels; shown at about half of it, so that it is sharp on dense screens


class Thumbnails:
    """Makes data URIs of pictures, each file once.

    Args:
        base: folder that relative paths start from, the run's data folder.
    """

    def __init__(self, base: Path | None = None) -> None:
        self._base = base
        self._made: dict[str, str | None] = {}

    def __call__(self, path: str) -> str | None:
        """Return ``data:image/webp;base64,…`` of at most 224 x 224, ``None`` for a picture that is gone."""
        if path not in self._made:
            self._made[path] = self._make(path)
        return self._made[path]

    def _make(self, path: str) -> str | None:
        try:
            file = Path(path)
            if not file.is_absolute() and self._base is not None:
                file = self._base / file
            if not file.is_file():
                return None
            from PIL import Image

            from toprung.images.files import open_rgb

            picture = Image.fromarray(open_rgb(file))
            picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
            buffer = io.BytesIO()
            picture.save(buffer, "WEBP", quality=72, method=4)
        except (ToprungError, OSError, ValueError):  # ValueError: a NUL in a path from a hostile file
            return None
        return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
