"""The masked autoencoder: an encoder that sees a quarter of the patches, a small decoder that paints the rest.

Legend: B pictures, L patches, K kept ones, D width of the encoder, P values of a patch (pixels × channels).

Source:
    He et al. 2022, "Masked autoencoders are scalable vision learners", arXiv 2111.06377, sections 3 and A.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from timm.layers import LayerNorm, PatchEmbed
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn

from toprung.errors import ModelError
from toprung.models.masking import Masking, mask_by_noise, put_back, take_kept
from toprung.models.patches import from_patches, normalised_patches, to_patches
from toprung.models.sincos import sincos_positions

TOKEN_STD = 0.02


@dataclass(frozen=True)
class DecoderShape:
    """The decoder's size; the paper's for every encoder.

    Attributes:
        width: of its tokens.
        depth: blocks.
        heads: attention heads of a block.
    """

    width: int = 512
    depth: int = 8
    heads: int = 16


@dataclass(frozen=True)
class Reconstruction:
    """What the model makes of masked pictures, all ``(B, 3, H, W)`` in the space of its inputs.

    Attributes:
        masked: the seen patches, grey (the mean colour, 0) where patches are hidden.
        painted: the seen patches, and the decoder's in place of the hidden ones. Where the target is normalised, a
            hidden patch takes its mean and contrast from the original: the decoder does not say them.
        losses: ``(B,)``.
    """

    masked: Tensor
    painted: Tensor
    losses: Tensor


class MaskedAutoencoder(nn.Module):
    """A timm ViT under ``encoder``, and the decoder by the names of MAE's own files (``decoder_blocks``, ...).

    Position embeddings of both never learn. The decoder's and, unless the encoder was loaded from weights that have
    their own, the encoder's are sines and cosines.

    Args:
        encoder: a plain ViT without a classifier, with its last norm.
        decoder: size of the decoder, which begins as in the paper.
        mask_ratio: share of patches that are hidden.
        normalise: whether the target is each patch's pixels normalised by their own mean and variance.

    Raises:
        ModelError: the encoder is no plain ViT, its pictures are a single patch, or the decoder's heads do not divide
            its width.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: DecoderShape = DecoderShape(),
        *,
        mask_ratio: float = 0.75,
        normalise: bool = True,
    ) -> None:
        super().__init__()
        if decoder.width % decoder.heads:
            raise ModelError(f"{decoder.heads} heads do not divide the decoder's width {decoder.width}.")
        self.encoder = checked_encoder(encoder)
        self.mask_ratio = mask_ratio
        self.normalise = normalise
        embed = self.encoder.patch_embed
        self.patch: tuple[int, int] = tuple(embed.patch_size)
        self.grid: tuple[int, int] = tuple(embed.grid_size)
        self.slots: int = self.encoder.num_prefix_tokens
        if self.patches < 2:
            raise ModelError("a picture of one patch leaves nothing to hide; use a larger img_size or a smaller patch.")
        values = self.patch[0] * self.patch[1] * embed.proj.in_channels
        self.mask_token = nn.Parameter(torch.zeros(1, 1, decoder.width))
        positions = sincos_positions(decoder.width, self.grid, slots=self.slots)
        self.decoder_embed = nn.Linear(self.encoder.embed_dim, decoder.width)
        self.decoder_pos_embed = nn.Parameter(positions, requires_grad=False)
        self.decoder_blocks = nn.ModuleList(
            Block(decoder.width, decoder.heads, qkv_bias=True, norm_layer=LayerNorm) for _ in range(decoder.depth)
        )
        self.decoder_norm = LayerNorm(decoder.width)
        self.decoder_pred = nn.Linear(decoder.width, values)
        _positions(self.encoder).requires_grad_(False)
        nn.init.normal_(self.mask_token, std=TOKEN_STD)
        for name, part in self.named_children():
            if name.startswith("decoder_"):
                part.apply(_begin_layer)

    @property
    def patches(self) -> int:
        """L, the number of patches of a picture."""
        return self.grid[0] * self.grid[1]

    def forward(self, images: Tensor, noise: Tensor) -> Tensor:
        """Return the loss of each picture.

        The mean over its hidden patches of the mean squared error of a patch's values.

        Args:
            images: ``(B, 3, H, W)``, normalised.
            noise: ``(B, L)`` random numbers; the patches with the greatest are hidden.

        Returns:
            ``(B,)`` float32.
        """
        masking = mask_by_noise(noise, self.mask_ratio)
        target, _, _ = self._target(images)
        return self._losses(self._predict(images, masking), target, masking)

    def reconstruct(self, images: Tensor, noise: Tensor) -> Reconstruction:
        """Return what the model sees and what it paints; arguments as :meth:`forward`."""
        masking = mask_by_noise(noise, self.mask_ratio)
        predicted = self._predict(images, masking)
        target, mean, spread = self._target(images)
        hidden = masking.hidden[..., None]
        original = to_patches(images.float(), self.patch)
        return Reconstruction(
            masked=from_patches(original.masked_fill(hidden, 0.0), self.patch, self.grid),
            painted=from_patches(torch.where(hidden, predicted * spread + mean, original), self.patch, self.grid),
            losses=self._losses(predicted, target, masking),
        )

    def _predict(self, images: Tensor, masking: Masking) -> Tensor:
        """Return ``(B, L, P)`` float32: the decoder's patches."""
        return self._decode(self._encode(images, masking), masking).float()

    def _encode(self, images: Tensor, masking: Masking) -> Tensor:
        """Return ``(B, slots + K, D)``: features of the class token and of the seen patches, and of nothing else."""
        encoder = self.encoder
        # timm adds positions before it hides patches; `_pos_embed` knows where each ViT has its tokens and positions
        tokens = encoder._pos_embed(encoder.patch_embed(images))
        ahead, patches = tokens[:, : self.slots], tokens[:, self.slots :]
        x = encoder.norm_pre(torch.cat([ahead, take_kept(patches, masking)], dim=1))
        for block in encoder.blocks:
            x = block(x)
        features: Tensor = encoder.norm(x)
        return features

    def _decode(self, features: Tensor, masking: Masking) -> Tensor:
        x = self.decoder_embed(features)
        ahead, seen = x[:, : self.slots], x[:, self.slots :]
        x = torch.cat([ahead, put_back(seen, self.mask_token, masking)], dim=1) + self.decoder_pos_embed
        for block in self.decoder_blocks:
            x = block(x)
        painted: Tensor = self.decoder_pred(self.decoder_norm(x))[:, self.slots :]
        return painted

    def _target(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        patches = to_patches(images.float(), self.patch)
        if self.normalise:
            return normalised_patches(patches)
        return patches, torch.zeros_like(patches[..., :1]), torch.ones_like(patches[..., :1])

    @staticmethod
    def _losses(predicted: Tensor, target: Tensor, masking: Masking) -> Tensor:
        by_patch = (predicted - target).square().mean(dim=-1)
        return (by_patch * masking.hidden).sum(dim=1) / masking.hidden.sum(dim=1)


def checked_encoder(encoder: nn.Module) -> VisionTransformer:
    """Return the encoder, or refuse one whose patches cannot be taken out of its sequence.

    Raises:
        ModelError: it is no plain ViT of square patches with learned or fixed positions.
    """
    plain = (
        isinstance(encoder, VisionTransformer)
        and isinstance(encoder.patch_embed, PatchEmbed)
        and getattr(encoder, "pos_embed", None) is not None
        and encoder.patch_embed.grid_size is not None
    )
    if not plain:
        raise ModelError(
            f"a {type(encoder).__name__} cannot be pretrained as a masked autoencoder: patches can only be left out "
            "of a plain ViT; use one such as vit_small_patch16_224."
        )
    assert isinstance(encoder, VisionTransformer)
    return encoder


def begin_encoder(encoder: VisionTransformer) -> None:
    """Give a ViT MAE's initial values, in place: fixed sin-cos positions, Xavier-uniform matrices, normal tokens.

    Source:
        arXiv 2111.06377, section A.1, and MAE's own code: the patch embedding as if it were a linear layer.
    """
    positions = _positions(encoder)
    slots = positions.shape[1] - encoder.patch_embed.num_patches
    positions.data.copy_(sincos_positions(encoder.embed_dim, tuple(encoder.patch_embed.grid_size), slots=slots))
    for token in (encoder.cls_token, encoder.reg_token):
        if token is not None:
            nn.init.normal_(token, std=TOKEN_STD)
    kernel = encoder.patch_embed.proj.weight
    encoder.apply(_begin_layer)
    nn.init.xavier_uniform_(kernel.data.view(len(kernel), -1))


def _positions(encoder: VisionTransformer) -> nn.Parameter:
    assert encoder.pos_embed is not None, "checked_encoder was not asked"
    return encoder.pos_embed


def _begin_layer(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
