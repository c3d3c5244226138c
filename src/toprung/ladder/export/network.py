"""The network that is exported: 8-bit pictures in, float32 logits out.

Legend: B pictures, H × W pixels, C classes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from toprung.data.preprocessing import Preprocessing


class ExportNetwork(nn.Module):
    """A classifier with its normalisation in front: ``(B, 3, H, W)`` uint8 -> ``(B, C)`` float32.

    Pictures stay 8 bits at the door: their type says their range, so that no program can feed [0, 255] for [0, 1]
    unnoticed, and they take a quarter of the bytes. The arithmetic is that of
    :func:`toprung.data.loaders.normalise`, in float32 also where the network has 16 bits.

    Args:
        model: a classifier in eval mode, of float32.
        preprocessing: the model's.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, model: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.model = model
        self.size = preprocessing.size
        self._dtype = torch.float32
        mean, std = preprocessing.mean, preprocessing.std
        scale = torch.tensor([1 / (255 * spread) for spread in std])
        shift = torch.tensor([-centre / spread for centre, spread in zip(mean, std, strict=True)])
        self.register_buffer("scale", scale.view(1, -1, 1, 1))
        self.register_buffer("shift", shift.view(1, -1, 1, 1))
        self.eval()

    def forward(self, pictures: Tensor) -> Tensor:
        """Return logits."""
        images = pictures.float() * self.scale + self.shift
        logits: Tensor = self.model(images.to(self._dtype)).float()
        return logits

    def halve(self) -> None:
        """Turn the network inside to numbers of 16 bits, in place."""
        self.model.half()
        self._dtype = torch.float16

    def example(self) -> Tensor:
        """Return pictures to trace the network with: two of them, as one would be taken for a fixed number."""
        count = 2 * 3 * self.size[0] * self.size[1]
        return (torch.arange(count) % 251).to(torch.uint8).view(2, 3, *self.size)
