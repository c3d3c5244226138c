"""How pictures are looked at when predicting: plainly, in several views, in tiles, or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from toprung.evaluation.tiling import Tiling
from toprung.runs.tiled import TiledAnswer, with_tiles
from toprung.runs.viewed import with_views
from toprung.runs.wrapping import PictureClassifier


@dataclass(frozen=True)
class Looking:
    """Test-time views and tiling; without either, plain prediction.

    Attributes:
        views: kinds of views, in order; of each tile where there are tiles.
        tiling: how pictures are cut into tiles, or ``None``.
    """

    views: tuple[str, ...] = ()
    tiling: Tiling | None = None

    def __bool__(self) -> bool:
        return bool(self.views) or self.tiling is not None

    def around(
        self, classifier: PictureClassifier, on_picture: Callable[[TiledAnswer], None] | None = None
    ) -> PictureClassifier:
        """Return a classifier that looks so; the same one, untouched, where prediction is plain.

        Args:
            classifier: a saved model, or several fused.
            on_picture: told of each picture's tiles.

        Raises:
            RecipeError: an unknown kind of views.
        """
        return with_tiles(with_views(classifier, self.views), self.tiling, on_picture)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; nothing for plain prediction."""
        said: dict[str, Any] = {"views": list(self.views)} if self.views else {}
        return said | ({"tiles": self.tiling.to_json()} if self.tiling else {})
