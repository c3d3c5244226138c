"""The masked autoencoder that a pretraining starts from, and the files that it ends in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from timm.models.vision_transformer import VisionTransformer
from torch import nn

from toprung.checkpoints.decoders import find_decoder, load_decoder
from toprung.checkpoints.files import read_weights
from toprung.checkpoints.report import LoadReport
from toprung.models.catalogue import CONVENTIONS, build, build_shapes
from toprung.models.conventions import Conventions, apply_conventions
from toprung.models.mae import DecoderShape, MaskedAutoencoder, begin_encoder, checked_encoder
from toprung.runs.weights_file import write_tensors
from toprung.seeding import seed_global_generators
from toprung.training.recipe import Recipe
from toprung.training.start import StartingModel, build_arguments, locate_weights, starting_model

AUTOENCODER_FILE = "autoencoder.safetensors"
_ENCODER = "encoder."


@dataclass(frozen=True)
class StartingAutoencoder:
    """A masked autoencoder ready to train.

    Attributes:
        module: on the CPU.
        start: its encoder, how to build that again, and the report on the weights, the decoder's included.
        decoder: where the decoder comes from, in one line.
    """

    module: MaskedAutoencoder
    start: StartingModel
    decoder: str


def starting_autoencoder(recipe: Recipe) -> StartingAutoencoder:
    """Build the autoencoder, and load what ``model.weights`` names: nothing, an encoder, or encoder and decoder.

    Raises:
        ModelError: unknown name, or no plain ViT.
        WeightsError, WeightsMismatch: weights that cannot be read, or do not fit.
    """
    shapes = checked_encoder(build_shapes(recipe.model.name, 0, build_arguments(recipe.model)))
    # A pooling that leaves the ViT its last norm of all tokens, which is the encoder's last layer.
    pool = "token" if shapes.cls_token is not None else ""
    settings = replace(recipe.model, global_pool=recipe.model.global_pool or pool)
    start = starting_model(settings, (), seed=recipe.seed, background=recipe.data.background_rgb)
    encoder = checked_encoder(start.module)
    seed_global_generators(recipe.seed, "initialisation of the autoencoder")
    if start.report is None:
        begin_encoder(encoder)
    start = _with_last_norm(start, encoder)
    module = _around(encoder, start.arguments, recipe)
    report, decoder = _load_decoder(module, start.report, recipe)
    return StartingAutoencoder(module, replace(start, report=report), decoder)


def rebuilt_autoencoder(name: str, arguments: Mapping[str, Any], recipe: Recipe) -> MaskedAutoencoder:
    """Return the architecture with arbitrary values, to be filled from a checkpoint.

    Raises:
        ModelError: as :func:`starting_autoencoder`.
    """
    return _around(checked_encoder(build(name, 0, arguments)), arguments, recipe)


def write_autoencoder(file: Path, module: nn.Module) -> None:
    """Write the encoder, by timm's names, and beside it encoder and decoder, by the names of MAE's own files.

    Raises:
        StorageError: full disk, or no permission.
    """
    state = module.state_dict()
    encoder = {name.removeprefix(_ENCODER): tensor for name, tensor in state.items() if name.startswith(_ENCODER)}
    decoder = {name: tensor for name, tensor in state.items() if not name.startswith(_ENCODER)}
    write_tensors(file.with_name(AUTOENCODER_FILE), encoder | decoder)
    write_tensors(file, encoder)


def read_autoencoder(file: Path, module: MaskedAutoencoder) -> None:
    """Fill an autoencoder with what :func:`write_autoencoder` wrote beside ``file``.

    Raises:
        WeightsError: it cannot be read.
    """
    state = read_weights(file.with_name(AUTOENCODER_FILE)).tensors
    own = module.encoder.state_dict().keys()
    module.load_state_dict({(_ENCODER + name if name in own else name): tensor for name, tensor in state.items()})


def _around(encoder: VisionTransformer, arguments: Mapping[str, Any], recipe: Recipe) -> MaskedAutoencoder:
    """Put a decoder to the encoder, which computes with the activation and epsilon of the encoder's weights."""
    settings = recipe.pretraining
    shape = DecoderShape(settings.decoder_width, settings.decoder_depth, settings.decoder_heads)
    module = MaskedAutoencoder(encoder, shape, mask_ratio=settings.mask_ratio, normalise=settings.normalise)
    given = Conventions.from_json(arguments.get(CONVENTIONS, {}))
    shared = Conventions(activation=given.activation, norm_eps=given.norm_eps)
    apply_conventions(module.decoder_blocks, shared)
    apply_conventions(module.decoder_norm, shared)
    return module


def _with_last_norm(start: StartingModel, encoder: VisionTransformer) -> StartingModel:
    """Take the pooling off the encoder, and give it a fresh last norm where it was built with one after the pooling."""
    report, pooled = start.report, isinstance(encoder.norm, nn.Identity)
    if pooled:
        after = encoder.fc_norm
        encoder.norm = nn.LayerNorm(encoder.embed_dim, eps=getattr(after, "eps", 1e-6))
        encoder.fc_norm = nn.Identity()
    encoder.attn_pool = None  # type: ignore[assignment]  # as timm has it without
    encoder.global_pool = "token" if encoder.cls_token is not None else ""
    if pooled and report is not None:
        loaded = tuple(name for name in report.loaded if not name.startswith("fc_norm."))
        moved = tuple((name, "norm after the pooling; the encoder's last norm starts fresh")
                      for name in report.loaded if name.startswith("fc_norm."))  # fmt: skip
        missing = tuple(name for name in report.missing if not name.startswith("fc_norm."))
        report = replace(
            report, loaded=loaded, dropped=report.dropped + moved, missing=(*missing, "norm.weight", "norm.bias")
        )
    return replace(start, arguments=start.arguments | {"global_pool": encoder.global_pool}, report=report)


def _load_decoder(
    module: MaskedAutoencoder, report: LoadReport | None, recipe: Recipe
) -> tuple[LoadReport | None, str]:
    """Load the decoder that belongs to the encoder's weights, where there is one; return the account of it."""
    weights, settings = recipe.model.weights, recipe.pretraining
    fresh = f"new, {settings.decoder_depth} blocks of width {settings.decoder_width} from random values"
    if report is None:
        return None, fresh
    if weights == "pretrained" or settings.decoder == "fresh":
        return report, f"{fresh}: {'a fresh one was asked for' if settings.decoder == 'fresh' else 'timm has none'}"
    file, _ = locate_weights(weights)
    beside = file.with_name(AUTOENCODER_FILE) if file.is_file() else file
    source = read_weights(beside if beside.is_file() else file)
    found = find_decoder(source)
    if found is None:
        return report, f"{fresh}: {weights} holds an encoder only"
    loaded = load_decoder(module, found, str(source.path))
    dropped = tuple((name, reason) for name, reason in report.dropped if name not in found.names)
    return (
        replace(report, loaded=report.loaded + loaded, dropped=dropped),
        f"from {source.path}: {settings.decoder_depth} blocks of width {settings.decoder_width}",
    )
