"""How large pictures are cut into tiles and what is made of the answers: the settings of tiled prediction."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from toprung.errors import RecipeError
from toprung.evaluation.blending import importance_of
from toprung.evaluation.merging import merge_of


@dataclass(frozen=True)
class Tiling:
    """Settings of tiled prediction.

    Attributes:
        side: of a tile, in pixels of the picture; ``None`` for half the shorter side of each picture.
        overlap: least share of a tile that its neighbour has too, in [0, 0.9].
        merge: ``mean``, ``max``, ``noisy-or`` or ``attention``, see :mod:`toprung.evaluation.merging`.
        importance: ``constant`` or ``gaussian``, see :mod:`toprung.evaluation.blending`; of ``mean`` and of heat maps.
        with_whole: average what the tiles say together with what the whole picture says, half and half.

    Raises:
        RecipeError: a value that is not allowed.
    """

    side: int | None = None
    overlap: float = 0.25
    merge: str = "mean"
    importance: str = "constant"
    with_whole: bool = False

    def __post_init__(self) -> None:
        if self.side is not None and self.side < 8:
            raise RecipeError(f"tile side = {self.side!r} is not allowed: it must be at least 8 pixels.")
        if not 0 <= self.overlap <= 0.9:
            raise RecipeError(f"overlap = {self.overlap!r} is not allowed: it must be between 0 and 0.9, such as 0.25.")
        merge_of(self.merge)
        importance_of(self.importance)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)
