"""Pictures of what a masked autoencoder makes of held-out pictures, written into the run folder.

:mod:`toprung.ladder.reconstructions_shown` reads them for the run's page.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from toprung.data.eval_view import EvalView
from toprung.data.loaders import EvalLoader, normalise
from toprung.data.preprocessing import Preprocessing
from toprung.data.table import Table
from toprung.ladder.reconstructions_shown import index_file, picture_file
from toprung.models.mae import MaskedAutoencoder
from toprung.runs.folder import RunFolder
from toprung.storage import write_bytes
from toprung.training.masked import picture_noise

_BATCH = 16


@dataclass(frozen=True)
class _Reconstructed:
    """One picture's row, loss, and ``(H, W, 3)`` uint8 pictures by kind."""

    row: int
    loss: float
    pictures: dict[str, NDArray[np.uint8]]


def write_reconstructions(
    run: RunFolder, module: MaskedAutoencoder, held_out: Table, preprocessing: Preprocessing, *, seed: int, count: int
) -> None:
    """Reconstruct some held-out pictures, evenly spread over the table, and write them into the run folder.

    Args:
        run: to write into.
        module: on the CPU or any device, in eval mode; fp32.
        held_out: the pictures.
        preprocessing: of the model.
        seed: the run's; the masks are those of its validation.
        count: how many pictures at most.

    Raises:
        StorageError: full disk, or no permission.
    """
    rows = np.unique(np.linspace(0, len(held_out) - 1, min(count, len(held_out))).astype(int)).tolist()
    listed = []
    for number, one in enumerate(_reconstruct(module, held_out, rows, preprocessing, seed)):
        for kind, pixels in one.pictures.items():
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "WEBP", quality=88, method=4)
            write_bytes(picture_file(run, number, kind), buffer.getvalue())
        listed.append({"path": str(held_out.paths[one.row]), "loss": one.loss})
    content = {"pictures": listed, "mask_ratio": module.mask_ratio, "normalised": module.normalise}
    run.write_json(index_file(run), content)


def _reconstruct(
    module: MaskedAutoencoder, table: Table, rows: list[int], preprocessing: Preprocessing, seed: int
) -> list[_Reconstructed]:
    device = next(module.parameters()).device
    loader = EvalLoader([table.paths[row] for row in rows], None, EvalView(preprocessing), batch_size=_BATCH)
    found = []
    for batch in loader:  # a picture that cannot be read any more is left out
        places = [rows[place] for place in batch.rows.tolist()]
        images = normalise(batch.images.to(device), preprocessing.mean, preprocessing.std)
        with torch.inference_mode():
            made = module.reconstruct(images, picture_noise(seed, places, module.patches).to(device))
        originals = batch.images.permute(0, 2, 3, 1).numpy()
        masked, painted = (_to_pixels(images, preprocessing) for images in (made.masked, made.painted))
        for index, row in enumerate(places):
            pictures = {"original": originals[index], "masked": masked[index], "painted": painted[index]}
            found.append(_Reconstructed(row, round(float(made.losses[index]), 6), pictures))
    return found


def _to_pixels(images: Tensor, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return ``(B, H, W, 3)`` uint8 from normalised ``(B, 3, H, W)``."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (preprocessing.mean, preprocessing.std))
    levels = (images.cpu() * std + mean).mul(255).round().clamp(0, 255).to(torch.uint8)
    return levels.permute(0, 2, 3, 1).contiguous().numpy()
