"""The decoder of a masked autoencoder in a weights file, by the names of MAE's own files.

Dialects leave the decoder out, as no classifier has one; pretraining goes on with it.

Facts:

- facebookresearch/mae: ``mask_token``, ``decoder_embed``, ``decoder_pos_embed``, ``decoder_blocks.N`` with timm's names
  of a block, ``decoder_norm``, ``decoder_pred``;
- transformers' ViTMAEForPreTraining: the same under ``decoder.``, blocks by the library's names, of which there are
  three generations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.load import is_finite
from toprung.checkpoints.names import NameTable, count_blocks, under
from toprung.errors import WeightsMismatch

POSITIONS = "decoder_pos_embed"
_ENDS = tuple((name, name) for name in ("mask_token", "decoder_embed", POSITIONS, "decoder_norm", "decoder_pred"))
_BLOCK = (
    "decoder_blocks.{i}.norm1",
    "decoder_blocks.{i}.attn.proj",
    "decoder_blocks.{i}.norm2",
    "decoder_blocks.{i}.mlp.fc1",
    "decoder_blocks.{i}.mlp.fc2",
)
_QKV = "decoder_blocks.{i}.attn.qkv"
_LIBRARY = ("layernorm_before", "attention.output.dense", "layernorm_after", "intermediate.dense", "output.dense")
_LIBRARY_QKV = tuple(f"attention.attention.{part}" for part in ("query", "key", "value"))
_MEMORY = ("layernorm_before", "attention.o_proj", "layernorm_after", "mlp.fc1", "mlp.fc2")
_MEMORY_QKV = tuple(f"attention.{part}_proj" for part in "qkv")


def _generation(block: str, parts: Sequence[str], qkv: Sequence[str]) -> NameTable:
    rules: list[tuple[str | Sequence[str], str]] = [([f"{block}.{{i}}.{part}" for part in qkv], _QKV)]
    rules += [(f"{block}.{{i}}.{theirs}", ours) for theirs, ours in zip(parts, _BLOCK, strict=True)]
    return NameTable([*_ENDS, *rules])


_OF_TRANSFORMERS = (
    _generation("decoder_layers", _LIBRARY, _LIBRARY_QKV),
    _generation("decoder_encoder.layer", _LIBRARY, _LIBRARY_QKV),
    _generation("decoder_layers", _MEMORY, _MEMORY_QKV),
)


@dataclass(frozen=True)
class Decoder:
    """A file's decoder.

    Attributes:
        state: by the names of MAE's own files.
        names: what these tensors are called in the file.
        leftover: names in the file that belong to a decoder and have no place in one.
    """

    state: Mapping[str, Tensor]
    names: tuple[str, ...]
    leftover: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Of its tokens."""
        return self.state["decoder_embed.weight"].shape[0]

    @property
    def depth(self) -> int:
        """Number of its blocks."""
        return count_blocks(self.state, r"decoder_blocks\.(\d+)\.")


def find_decoder(file: WeightsFile) -> Decoder | None:
    """Return the decoder in a file, ``None`` where there is none."""
    own = {name: tensor for name, tensor in file.tensors.items() if name.startswith(("mask_token", "decoder_"))}
    if "decoder_embed.weight" in own:
        return Decoder(own, tuple(own))
    theirs = under(file.tensors, "decoder.")
    if "decoder_embed.weight" not in theirs:
        return None
    renamed = min((table.rename(theirs) for table in _OF_TRANSFORMERS), key=lambda result: len(result.leftover))
    leftover = tuple(f"decoder.{name}" for name in renamed.leftover)
    return Decoder(renamed.state, tuple(f"decoder.{name}" for name in theirs), leftover)


def load_decoder(model: nn.Module, decoder: Decoder, source: str) -> tuple[str, ...]:
    """Copy a decoder into a masked autoencoder, in place; nothing changes when it is refused.

    Its fixed positions are not taken where they are for another grid of patches: the model has computed its own.

    Args:
        model: with the decoder's parts by the names of MAE's own files.
        decoder: as found.
        source: named in messages.

    Returns:
        Names of the model's tensors that got a value.

    Raises:
        WeightsMismatch: tensors are lacking, left over, of another shape, or not finite.
    """
    wanted = {name: p for name, p in model.state_dict().items() if name.startswith(("mask_token", "decoder_"))}
    given = {name: tensor for name, tensor in decoder.state.items() if name != POSITIONS}
    positions = decoder.state.get(POSITIONS)
    if positions is not None and positions.shape == wanted[POSITIONS].shape:
        given[POSITIONS] = positions
    wrong = [
        f"{name} is {tuple(tensor.shape)} in the file and {tuple(wanted[name].shape)} in the model"
        for name, tensor in given.items()
        if name in wanted and tensor.shape != wanted[name].shape
    ]
    wrong += [f"{name} is lacking" for name in wanted if name not in given and name != POSITIONS]
    wrong += [f"{name} has no place" for name in (*(n for n in given if n not in wanted), *decoder.leftover)]
    if wrong:
        more = f" and {len(wrong) - 2} more" if len(wrong) > 2 else ""
        raise WeightsMismatch(
            f"the decoder in {source} does not fit: {'; '.join(wrong[:2])}{more}. It has "
            f"pretraining.decoder_width={decoder.width} and decoder_depth={decoder.depth}, and decoder_heads that no "
            "tensor tells (16 in published files): set these, or begin a new one with pretraining.decoder=fresh."
        )
    for name, tensor in given.items():
        if not is_finite(tensor):
            raise WeightsMismatch(f"{source} is damaged: {name} holds NaN or infinite values; fetch it again.")
    model.load_state_dict(given, strict=False)
    return tuple(given)
