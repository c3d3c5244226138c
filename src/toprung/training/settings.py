"""The settings of a training run by subject: frozen, and validated when built. :mod:`recipe` puts them together."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from toprung.errors import RecipeError


def require(condition: bool, name: str, value: object, rule: str) -> None:
    """Refuse a value that breaks its rule.

    Raises:
        RecipeError: with the setting's name, the value and the rule.
    """
    if not condition:
        raise RecipeError(f"{name} = {value!r} is not allowed: it must be {rule}.")


@dataclass(frozen=True)
class DataSettings:
    """Which pictures are used for what, and how they are opened.

    Attributes:
        val_fraction: share of the training pictures set aside for validation when the source has no val split.
        test_fraction: share set aside for the final score when the source has no test split.
        folds: number of folds for k-fold validation, 0 for a plain split.
        fold: which fold (0-based) validates.
        on_unreadable: leave unreadable files out (``skip``) or stop (``error``).
        refuse_leaks: stop when the same picture stands in two splits.
        keep_duplicates_together: near-duplicates never stand on two sides of a split that toprung makes.
        background: colour under transparent pixels, ``#rrggbb``.
        cache: keep decoded pictures in memory (``ram``), in a memory-mapped file (``disk``), not (``off``),
            or in memory when they take less than a quarter of what is free (``auto``).
        threads: decoding threads, 0 for one per core.
        balanced: draw classes equally often instead of pictures.
    """

    val_fraction: float = 0.2
    test_fraction: float = 0.0
    folds: int = 0
    fold: int = 0
    on_unreadable: Literal["skip", "error"] = "skip"
    refuse_leaks: bool = False
    keep_duplicates_together: bool = True
    background: str = "#ffffff"
    cache: Literal["auto", "off", "ram", "disk"] = "auto"
    threads: int = 0
    balanced: bool = False

    def __post_init__(self) -> None:
        require(0 < self.val_fraction < 1, "data.val_fraction", self.val_fraction, "between 0 and 1")
        require(0 <= self.test_fraction < 1, "data.test_fraction", self.test_fraction, "in [0, 1)")
        require(
            self.val_fraction + self.test_fraction < 1,
            "data.val_fraction + data.test_fraction",
            self.val_fraction + self.test_fraction,
            "below 1, so that training pictures remain",
        )
        require(self.folds == 0 or self.folds >= 2, "data.folds", self.folds, "0 (off) or at least 2")
        rule = f"in 0 … {self.folds - 1}" if self.folds else "0 unless data.folds is given"
        require(0 <= self.fold < max(self.folds, 1), "data.fold", self.fold, rule)
        require(self.threads >= 0, "data.threads", self.threads, "0 (one per core) or more")
        require(_is_colour(self.background), "data.background", self.background, "a colour like #ffffff")

    @property
    def background_rgb(self) -> tuple[int, int, int]:
        """The background as three numbers in 0 … 255."""
        red, green, blue = (int(self.background[i : i + 2], 16) for i in (1, 3, 5))
        return red, green, blue


def _is_colour(text: str) -> bool:
    if len(text) != 7 or text[0] != "#":
        return False
    return all(digit in "0123456789abcdefABCDEF" for digit in text[1:])


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


@dataclass(frozen=True)
class OptimisationSettings:
    """The loss and the optimiser.

    Attributes:
        optimizer: ``adamw``, ``sgd`` (Nesterov), or any name timm's ``create_optimizer_v2`` knows.
        lr: peak learning rate; ``None`` works it out from ``base_lr`` by ``lr_rule``.
        base_lr: peak learning rate at a batch of ``base_batch``.
        base_batch: the batch for which ``base_lr`` is meant.
        lr_rule: how the rate grows with the batch: by its ratio to ``base_batch`` (``linear``, Goyal et al. 2017), by
            the root of that (``sqrt``, Malladi et al. 2022, for Adam), or not (``none``).
        head_lr_scale: the classifier's rate is this times the others': a fresh head starts farther from its goal.
        layer_decay: each layer's rate is this times that of the layer above it; 1 for equal rates (Clark et al. 2020).
        weight_decay: applied to matrices and kernels only, never to norms, biases and tokens.
        momentum: of ``sgd``.
        beta1, beta2: of ``adamw``.
        freeze: what is not trained: ``none``, ``backbone`` (all but the classifier), ``blocks:N`` (what comes before
            the blocks, and the first N of them), or ``names:PATTERN`` (parameters whose name a regular expression
            finds).
        batch_size: pictures per optimiser step, over all processes (the effective batch).
        micro_batch: pictures per forward pass, 0 to start with all; halved by itself when memory runs out.
        clip_grad: largest gradient norm, 0 for no clipping.
        loss: ``cross_entropy`` (soft targets too), ``bce`` (Wightman et al. 2021) or ``focal`` (Lin et al. 2017).
        focal_gamma: of ``focal``; 0 equals cross-entropy.
        label_smoothing: share of the target spread over all classes (Szegedy et al. 2016).
        class_weights: weigh the loss of a class by the inverse of its frequency (``balanced``).
    """

    optimizer: str = "adamw"
    lr: float | None = None
    base_lr: float = 3e-4
    base_batch: int = 32
    lr_rule: Literal["none", "linear", "sqrt"] = "sqrt"
    head_lr_scale: float = 1.0
    layer_decay: float = 1.0
    weight_decay: float = 0.05
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.999
    freeze: str = "none"
    batch_size: int = 32
    micro_batch: int = 0
    clip_grad: float = 1.0
    loss: Literal["cross_entropy", "bce", "focal"] = "cross_entropy"
    focal_gamma: float = 2.0
    label_smoothing: float = 0.1
    class_weights: Literal["none", "balanced"] = "none"

    def __post_init__(self) -> None:
        require(self.lr is None or self.lr > 0, "optimisation.lr", self.lr, "above 0")
        require(self.base_lr > 0, "optimisation.base_lr", self.base_lr, "above 0")
        require(self.base_batch >= 1, "optimisation.base_batch", self.base_batch, "at least 1")
        require(0 < self.layer_decay <= 1, "optimisation.layer_decay", self.layer_decay, "in (0, 1]")
        for name in ("beta1", "beta2"):
            value = getattr(self, name)
            require(0 <= value < 1, f"optimisation.{name}", value, "in [0, 1)")
        parse_freeze(self.freeze)
        require(self.head_lr_scale > 0, "optimisation.head_lr_scale", self.head_lr_scale, "above 0")
        require(self.weight_decay >= 0, "optimisation.weight_decay", self.weight_decay, "0 or more")
        require(0 <= self.momentum < 1, "optimisation.momentum", self.momentum, "in [0, 1)")
        require(self.batch_size >= 1, "optimisation.batch_size", self.batch_size, "at least 1")
        require(self.micro_batch >= 0, "optimisation.micro_batch", self.micro_batch, "0 (all) or more")
        require(self.clip_grad >= 0, "optimisation.clip_grad", self.clip_grad, "0 (off) or more")
        require(self.focal_gamma >= 0, "optimisation.focal_gamma", self.focal_gamma, "0 or more")
        require(0 <= self.label_smoothing < 1, "optimisation.label_smoothing", self.label_smoothing, "in [0, 1)")

    @property
    def peak_lr(self) -> float:
        """The learning rate at its peak, for the batch of these settings."""
        if self.lr is not None:
            return self.lr
        ratio = self.batch_size / self.base_batch
        return self.base_lr * {"none": 1.0, "linear": ratio, "sqrt": math.sqrt(ratio)}[self.lr_rule]


def parse_freeze(text: str) -> tuple[str, str]:
    """Return the kind of freezing (``none``, ``backbone``, ``blocks``, ``names``) and its argument.

    Raises:
        RecipeError: neither of them, or an argument that is no number of blocks or no regular expression.
    """
    kind, _, argument = text.partition(":")
    rule = "none, backbone, blocks:N or names:PATTERN"
    require(kind in ("none", "backbone", "blocks", "names"), "optimisation.freeze", text, rule)
    if kind == "blocks":
        require(argument.isdecimal(), "optimisation.freeze", text, "blocks:N with a number of blocks, as in blocks:8")
    elif kind == "names":
        try:
            re.compile(argument)
        except re.error as error:
            raise RecipeError(f"optimisation.freeze = {text!r} holds no regular expression: {error}.") from error
        require(bool(argument), "optimisation.freeze", text, "names:PATTERN with a pattern, as in names:^stem")
    else:
        require(not argument, "optimisation.freeze", text, rule)
    return kind, argument


@dataclass(frozen=True)
class ScheduleSettings:
    """How long, and the learning rate over time, set anew for every step.

    Attributes:
        kind: ``cosine`` (linear warm-up, then half a cosine), ``mae`` (the same, its warm-up from 0 as in MAE's code),
            ``constant`` (after the warm-up), ``swalr`` (cosine, then as torch's SWALR), ``cycles`` (cosine cycles,
            Zhang et al. 2020), or torch's CyclicLR: ``triangular``, ``triangular2``, ``exp_range``.
        epochs: passes over the training pictures.
        warmup_epochs: length of the warm-up, may be a fraction; cyclic kinds have none.
        min_lr_ratio: the lowest rate as a share of the peak.
        min_lr: the lowest rate itself, in place of ``min_lr_ratio``.
        cycle_epochs: length of a cycle of ``cycles``, may be a fraction.
        step_up: of CyclicLR, steps from the lowest rate to the peak.
        step_down: of CyclicLR, steps back; 0 for the rest of an epoch.
        gamma: of ``exp_range``, the factor per step.
        cycle_momentum: of CyclicLR, move the momentum (Adam's beta1) against the rate.
        base_momentum: the momentum at the peak rate.
        max_momentum: the momentum at the lowest rate.
        swa_lr_ratio: of ``swalr``, the rate of the averaging as a share of the peak.
        anneal_epochs: of ``swalr``, length of the change to that rate.
        anneal: of ``swalr``, shape of that change.
    """

    kind: Literal["cosine", "mae", "constant", "swalr", "cycles", "triangular", "triangular2", "exp_range"] = "cosine"
    epochs: int = 30
    warmup_epochs: float = 1.0
    min_lr_ratio: float = 0.01
    min_lr: float | None = None
    cycle_epochs: float = 1.0
    step_up: int = 1
    step_down: int = 0
    gamma: float = 1.0
    cycle_momentum: bool = False
    base_momentum: float = 0.8
    max_momentum: float = 0.9
    swa_lr_ratio: float = 0.5
    anneal_epochs: int = 10
    anneal: Literal["cos", "linear"] = "cos"

    def __post_init__(self) -> None:
        require(self.min_lr is None or self.min_lr >= 0, "schedule.min_lr", self.min_lr, "0 or more")
        require(self.cycle_epochs > 0, "schedule.cycle_epochs", self.cycle_epochs, "above 0")
        require(self.step_up >= 1, "schedule.step_up", self.step_up, "at least 1")
        require(self.step_down >= 0, "schedule.step_down", self.step_down, "0 (the rest of an epoch) or more")
        require(0 < self.gamma <= 1, "schedule.gamma", self.gamma, "in (0, 1]")
        require(self.swa_lr_ratio > 0, "schedule.swa_lr_ratio", self.swa_lr_ratio, "above 0")
        require(self.anneal_epochs >= 0, "schedule.anneal_epochs", self.anneal_epochs, "0 or more")
        for name in ("base_momentum", "max_momentum"):
            value = getattr(self, name)
            require(0 <= value < 1, f"schedule.{name}", value, "in [0, 1)")
        require(self.epochs >= 1, "schedule.epochs", self.epochs, "at least 1")
        require(self.warmup_epochs >= 0, "schedule.warmup_epochs", self.warmup_epochs, "0 or more")
        require(0 <= self.min_lr_ratio <= 1, "schedule.min_lr_ratio", self.min_lr_ratio, "in [0, 1]")


@dataclass(frozen=True)
class AugmentSettings:
    """Random changes to training pictures.

    Attributes:
        scale_min: smallest share of the picture's area that a random crop takes; 1 keeps the whole.
        flip: probability of a left-right flip.
        vertical_flip: probability of an upside-down flip.
        color_jitter: largest relative change of brightness, contrast and saturation.
        auto_augment: ``none``, ``randaugment`` (Cubuk et al. 2020) or ``trivialaugment`` (Müller & Hutter 2021).
        magnitude: of RandAugment, 0 … 10.
        magnitude_std: spread of the magnitude.
        operations: RandAugment operations per picture.
        erasing: probability of random erasing (Zhong et al. 2020).
        mixup: alpha of mixup (Zhang et al. 2018), 0 for none.
        cutmix: alpha of CutMix (Yun et al. 2019), 0 for none.
        mix_probability: share of batches that are mixed when mixup or CutMix is on.
    """

    scale_min: float = 0.35
    flip: float = 0.5
    vertical_flip: float = 0.0
    color_jitter: float = 0.0
    auto_augment: Literal["none", "randaugment", "trivialaugment"] = "none"
    magnitude: float = 9.0
    magnitude_std: float = 0.5
    operations: int = 2
    erasing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    mix_probability: float = 1.0

    def __post_init__(self) -> None:
        require(0 < self.scale_min <= 1, "augment.scale_min", self.scale_min, "in (0, 1]")
        for name in ("flip", "vertical_flip", "erasing", "mix_probability"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"augment.{name}", value, "a probability in [0, 1]")
        require(0 <= self.color_jitter <= 1, "augment.color_jitter", self.color_jitter, "in [0, 1]")
        require(0 <= self.magnitude <= 10, "augment.magnitude", self.magnitude, "in [0, 10]")
        for name in ("magnitude_std", "operations", "mixup", "cutmix"):
            value = getattr(self, name)
            require(value >= 0, f"augment.{name}", value, "0 or more")


@dataclass(frozen=True)
class AveragingSettings:
    """Averages of the weights over time.

    Attributes:
        ema_decay: decay of the exponential moving average per step, 0 for none; warmed up as
            ``min(decay, (1 + t) / (10 + t))``. The average is evaluated beside the raw weights.
        swa: the run's model is the plain mean of the weights at epoch ends (Izmailov et al. 2018); the last weights
            and those of the best epoch are kept and scored beside it.
        swa_start_epoch: how many epochs pass before the first that counts.
    """

    ema_decay: float = 0.0
    swa: bool = False
    swa_start_epoch: int = 0

    def __post_init__(self) -> None:
        require(self.swa_start_epoch >= 0, "averaging.swa_start_epoch", self.swa_start_epoch, "0 or more")
        require(0 <= self.ema_decay < 1, "averaging.ema_decay", self.ema_decay, "in [0, 1)")


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


@dataclass(frozen=True)
class HardwareSettings:
    """Where and in which number format the run computes.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``fp32``, ``bf16``, ``fp16``, or ``auto``: bf16 or fp16 on CUDA; on a CPU whichever of fp32
            and bf16 was measured faster on this model.
        channels_last: memory layout of pictures; ``auto`` turns it on for convolutional networks.
        compile: use ``torch.compile`` (costs 15 to 30 seconds, pays on long runs).
        grad_checkpointing: compute activations anew for the backward pass instead of keeping them (Chen et al. 2016):
            less memory, for the time of one more forward pass.
        checkpoint_minutes: a checkpoint within an epoch at least this often; there is one at each epoch's end.
        trackers: further trackers by accelerate's names, such as ``wandb`` or ``mlflow``, comma-separated.
    """

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    channels_last: Literal["auto", "on", "off"] = "auto"
    compile: bool = False
    grad_checkpointing: bool = False
    checkpoint_minutes: float = 5.0
    trackers: str = ""

    def __post_init__(self) -> None:
        require(self.checkpoint_minutes >= 0, "hardware.checkpoint_minutes", self.checkpoint_minutes, "0 or more")
