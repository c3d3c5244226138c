"""The masked autoencoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from toprung.training.settings.rule import require


@dataclass(frozen=True)
class PretrainingSettings:
    """The masked autoencoder of ``toprung pretrain`` (He et al. 2022, arXiv 2111.06377); ``train`` does not use it.

    Attributes:
        mask_ratio: share of a picture's patches that the encoder does not see.
        normalise: the target is each patch's pixels, normalised by the patch's own mean and variance.
        decoder_width: of the decoder's tokens, a multiple of 4 and of its heads.
        decoder_depth: blocks of the decoder.
        decoder_heads: attention heads of a block.
        decoder: a weights file's decoder is used where it has one (``auto``), or not (``fresh``).
        pictured: how many held-out pictures are reconstructed for the page.
    """

    mask_ratio: float = 0.75
    normalise: bool = True
    decoder_width: int = 512
    decoder_depth: int = 8
    decoder_heads: int = 16
    decoder: Literal["auto", "fresh"] = "auto"
    pictured: int = 12

    def __post_init__(self) -> None:
        require(0 < self.mask_ratio < 1, "pretraining.mask_ratio", self.mask_ratio, "between 0 and 1")
        require(self.decoder_depth >= 1, "pretraining.decoder_depth", self.decoder_depth, "at least 1")
        require(self.decoder_heads >= 1, "pretraining.decoder_heads", self.decoder_heads, "at least 1")
        require(self.pictured >= 0, "pretraining.pictured", self.pictured, "0 or more")
        fits = self.decoder_width >= 4 and self.decoder_width % 4 == 0 and self.decoder_width % self.decoder_heads == 0
        rule = f"a multiple of 4 and of pretraining.decoder_heads = {self.decoder_heads}"
        require(fits, "pretraining.decoder_width", self.decoder_width, rule)
