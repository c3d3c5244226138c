"""The network and what is added to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from toprung.training.settings.rule import require


@dataclass(frozen=True)
class ModelSettings:
    """The network. ``None`` leaves timm's own value.

    Attributes:
        name: any timm model name.
        weights: ``pretrained`` (downloaded by timm), ``none``, a weights file, a run folder, or ``package:NAME``
            for a file that an installed Python package ships.
        img_size: side of the square input in pixels.
        patch_size: side of a patch in pixels, where the model has patches.
        drop_path: stochastic depth rate (Huang et al. 2016).
        drop_rate: dropout before the classifier.
        dropout_samples: masks of multi-sample dropout before the classifier (Inoue 2019), 0 for one ordinary mask.
        global_pool: pooling before the classifier, such as ``avg`` or ``token``.
        resizer_size: side of the square input in pixels of a learnable resizer before the model (Talebi & Milanfar
            2021); ``img_size`` stays the model's own. ``None`` for no resizer.
        lora_rank: train adapters of this rank beside the layers ``lora_targets`` (Hu et al. 2022) and the head, and
            nothing else; 0 trains everything.
        lora_alpha: the adapters' part is scaled by this over the rank.
        lora_targets: last parts of the names of the layers that get adapters, with commas between.
        head: of a weights file: kept where it has the same classes (``auto``), kept or refused (``keep``), or not
            used (``fresh``).
        dialect: whose names a weights file has, where no tensor tells (``bubbliiiing ViT``).
        patch_resize: a weights file for another patch size is refused (``refuse``) or its patch kernel is resized by
            FlexiViT's pseudo-inverse (``flexi``) or as a picture (``bicubic``).
        head_init_std: standard deviation of a fresh classifier's weights; its biases are then 0.
        partial_weights: load what fits of a weights file that does not fit; the run is marked.
        accept_proposal: match a weights file of unknown names by shape and order, as ``toprung inspect`` proposes.
    """

    name: str = "vit_base_patch16_224"
    weights: str = "pretrained"
    img_size: int | None = None
    patch_size: int | None = None
    drop_path: float | None = None
    drop_rate: float | None = None
    dropout_samples: int = 0
    global_pool: str | None = None
    resizer_size: int | None = None
    lora_rank: int = 0
    lora_alpha: float = 16.0
    lora_targets: str = "qkv,proj,fc1,fc2"
    head: Literal["auto", "keep", "fresh"] = "auto"
    dialect: str | None = None
    patch_resize: Literal["refuse", "flexi", "bicubic"] = "refuse"
    head_init_std: float | None = None
    partial_weights: bool = False
    accept_proposal: bool = False

    def __post_init__(self) -> None:
        for name in ("drop_path", "drop_rate"):
            value = getattr(self, name)
            require(value is None or 0 <= value < 1, f"model.{name}", value, "in [0, 1)")
        std = self.head_init_std
        require(std is None or std > 0, "model.head_init_std", std, "above 0")
        for name in ("img_size", "patch_size", "resizer_size"):
            value = getattr(self, name)
            require(value is None or value >= 1, f"model.{name}", value, "a positive number of pixels")
        require(self.dropout_samples >= 0, "model.dropout_samples", self.dropout_samples, "0 (off) or more")
        if self.dropout_samples:
            rule = "above 0 with model.dropout_samples, for example 0.3: without dropout all samples are alike"
            require((self.drop_rate or 0) > 0, "model.drop_rate", self.drop_rate, rule)
        require(self.lora_rank >= 0, "model.lora_rank", self.lora_rank, "0 (off) or more")
        rule = "0 with model.weights=none: the adapters would stand beside random values that stay as they are"
        require(self.lora_rank == 0 or self.weights != "none", "model.lora_rank", self.lora_rank, rule)
        require(self.lora_alpha > 0, "model.lora_alpha", self.lora_alpha, "above 0")
        require(bool(self.lora_layers), "model.lora_targets", self.lora_targets, "names of layers, such as qkv,fc1")

    @property
    def lora_layers(self) -> tuple[str, ...]:
        """The names in ``lora_targets``."""
        return tuple(name.strip() for name in self.lora_targets.split(",") if name.strip())
