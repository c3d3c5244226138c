"""Heat maps of tiled prediction: where in a picture its class is seen, written as JPEGs into a folder."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from toprung.data.resample import resize
from toprung.data.tile_inputs import LargePicture
from toprung.evaluation.blending import blend
from toprung.evaluation.tiling import Tiling
from toprung.images.heat_overlay import draw_overlay
from toprung.runs.tiled import TiledAnswer
from toprung.storage import make_folder, write_bytes

SIDE = 900  # pixels of the longer side of a picture as it is shown, and of its map
_NAME = 100  # characters of a picture's name that its map's name begins with


def heat_map_file(folder: Path, picture: Path) -> Path:
    """Return where the map of a picture stands; its name tells pictures of one name in several folders apart."""
    mark = hashlib.blake2b(os.fsencode(picture.absolute()), digest_size=4).hexdigest()
    return folder / f"{picture.stem[:_NAME]}.{mark}.heat.jpg"


class HeatMaps:
    """Writes a map of each picture's most probable class; give it to a tiled classifier as ``on_picture``.

    The map is the blended probability of the class: at each pixel the mean of the tiles that lie over it, weighted by
    their importance. A map that stands there already is left alone.

    Args:
        folder: where to.
        classes: class names, by output.
        tiling: that of the classifier.

    Raises:
        StorageError: the folder cannot be made.
    """

    def __init__(self, folder: Path, classes: Sequence[str], tiling: Tiling) -> None:
        self._folder = folder
        self._classes = classes
        self._tiling = tiling
        make_folder(folder)

    def __call__(self, answer: TiledAnswer) -> None:
        """Write the map of one picture.

        Raises:
            StorageError: full disk, or no permission.
        """
        file = heat_map_file(self._folder, Path(answer.source))
        if not file.exists():
            write_bytes(file, self._drawn(answer))

    def _drawn(self, answer: TiledAnswer) -> bytes:
        """Return the JPEG."""
        best = int(answer.merged.argmax())
        grid = answer.grid
        shrink = max(grid.height, grid.width) / SIDE
        height, width = max(round(grid.height / max(shrink, 1)), 1), max(round(grid.width / max(shrink, 1)), 1)
        pixels = resize(LargePicture(answer.source).take(shrink, (255, 255, 255)), height, width, "bilinear")
        heat = blend(answer.tiles[:, [best]], grid, self._tiling.importance, (height, width))[..., 0]
        said = [
            f"picture: {answer.merged[best]:.1%}",
            f"surest tile: {answer.tiles[:, best].max():.1%}",
            f"{len(grid)} tiles of {grid.side} px",
        ]
        buffer = io.BytesIO()
        Image.fromarray(draw_overlay(pixels, heat, self._classes[best], said)).save(
            buffer, "JPEG", quality=90, subsampling=0
        )
        return buffer.getvalue()
