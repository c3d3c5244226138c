"""Batches of pictures: for training, shuffled and augmented; for scoring, in order.

Legend: B pictures in a batch, H × W pixels. Pictures come as 8 bits and are normalised all at once, on the device.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from toprung.data.augment import Crop, TrainView
from toprung.data.cache import PixelCache
from toprung.data.order import batches_of_epoch
from toprung.data.pipeline import batches_in_order, cores
from toprung.data.resample import MARGIN, Pixels
from toprung.data.slots import Failure, Slots, View
from toprung.data.table import Table
from toprung.errors import DataError, RecipeError, UnreadableImage
from toprung.images.scaled import open_scalable
from toprung.seeding import generator


@dataclass(frozen=True)
class Batch:
    """Pictures of a batch.

    Attributes:
        images: ``(B, 3, H, W)`` uint8; in memory channels come last.
        labels: ``(B,)`` int64, -1 where unknown.
        rows: ``(B,)`` int64: their places in the table or list.
    """

    images: Tensor
    labels: Tensor
    rows: Tensor


def normalise(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Return ``(image / 255 - mean) / std`` as float32, of the same shape and memory layout.

    Args:
        images: ``(B, 3, H, W)`` uint8.
        mean, std: of each channel, for values in [0, 1].
    """
    height, width = images.shape[-2:]
    scale, shift = _scale_and_shift(tuple(mean), tuple(std), height, width, images.device)
    return images.float().mul_(scale).add_(shift)


@functools.lru_cache(maxsize=8)
def _scale_and_shift(
    mean: tuple[float, ...], std: tuple[float, ...], height: int, width: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return ``(1, 3, H, W)`` factors and summands.

    Written out for every pixel: with three numbers along the last axis in memory, a CPU works on three numbers at
    a time, which is ten times slower.
    """
    whole = torch.ones((1, len(mean), height, width)).contiguous(memory_format=torch.channels_last)
    factors = torch.tensor([1 / (255 * spread) for spread in std]).view(1, -1, 1, 1)
    summands = torch.tensor([-centre / spread for centre, spread in zip(mean, std, strict=True)]).view(1, -1, 1, 1)
    return (whole * factors).to(device), (whole * summands).to(device)


class TrainLoader:
    """Shuffled, augmented batches of a table; each epoch and batch is a function of the seed and its number.

    All batches of an epoch have the same size; what does not fill one waits for another epoch, where the order
    is another.

    Args:
        table: the training pictures.
        view: what is done to each.
        batch_size: pictures per optimiser step, over all processes.
        seed: the run's.
        threads: decoding threads, ``None`` for one per core.
        rank, world: this process and how many there are; each takes its part of every batch.
        cache: decoded pictures, or ``None``.
        balanced: draw classes equally often instead of pictures.
        background: colour under transparent pixels.
        pin: put batches where a CUDA device can fetch them by itself.

    Raises:
        RecipeError: the processes cannot share a batch equally.
    """

    def __init__(
        self,
        table: Table,
        view: TrainView,
        *,
        batch_size: int,
        seed: int,
        threads: int | None = None,
        rank: int = 0,
        world: int = 1,
        cache: PixelCache | None = None,
        balanced: bool = False,
        background: tuple[int, int, int] = (255, 255, 255),
        pin: bool = False,
    ) -> None:
        if batch_size % world:
            raise RecipeError(
                f"optimisation.batch_size = {batch_size} cannot be shared equally by {world} processes; "
                f"use a multiple of {world}."
            )
        self._table = table
        self._view = view
        self._seed = seed
        self._threads = threads or cores()
        self._rank, self._world = rank, world
        self._cache = cache
        self._balanced = balanced
        self._background = background
        self._pin = pin
        self._batch_size = min(batch_size, len(table) // world * world)
        if self._batch_size == 0:
            raise DataError(f"{len(table)} training pictures are too few for {world} processes.")

    @property
    def batches_per_epoch(self) -> int:
        """Number of batches, each one optimiser step."""
        return len(self._table) // self._batch_size

    def epoch(self, epoch: int, start_batch: int = 0) -> Generator[Batch, None, None]:
        """Yield the batches of an epoch (0-based) from ``start_batch`` on.

        Raises:
            DataError: a picture that was readable before training no longer is.
        """
        order = batches_of_epoch(
            self._table.labels, epoch, seed=self._seed, batch_size=self._batch_size, balanced=self._balanced
        )
        part = self._batch_size // self._world
        mine = slice(self._rank * part, (self._rank + 1) * part)
        plans = [
            (number * self._batch_size + mine.start, order[number][mine]) for number in range(start_batch, len(order))
        ]
        return batches_in_order(plans, lambda plan: self._start(epoch, *plan), threads=self._threads)

    def _start(
        self, epoch: int, first: int, rows: NDArray[np.int64]
    ) -> tuple[list[Callable[[], None]], Callable[[], Batch]]:
        images = _buffer(len(rows), self._view.size, self._pin)
        slots = images.numpy()

        def job(slot: int) -> Callable[[], None]:
            def load() -> None:
                slots[slot] = self._load(epoch, first + slot, int(rows[slot]))

            return load

        def finish() -> Batch:
            labels = torch.from_numpy(self._table.labels[rows])
            return Batch(images.permute(0, 3, 1, 2), labels, torch.from_numpy(rows.copy()))

        return [job(slot) for slot in range(len(rows))], finish

    def _load(self, epoch: int, position: int, row: int) -> Pixels:
        draw = generator(self._seed, "augment", epoch, position)
        try:
            return self._view.finish(self._crop(row, draw), draw)
        except UnreadableImage as error:
            raise DataError(f"a training picture cannot be read any more: {error}") from error

    def _crop(self, row: int, draw: np.random.Generator) -> Pixels:
        """Return the pixels of a random crop, decoded no larger than is of use."""
        path = self._table.paths[row]
        if self._cache is not None:
            pixels = self._cache.picture(row, path)
            height, width = pixels.shape[:2]
            return _cut(pixels, self._view.choose_crop(height, width, draw))
        picture = open_scalable(path)
        crop = self._view.choose_crop(picture.height, picture.width, draw)
        height, width = self._view.size
        try:
            pixels = picture.pixels(
                most_reduction=min(crop.height / height, crop.width / width) / MARGIN, background=self._background
            )
        except UnreadableImage as error:
            raise UnreadableImage(f"cannot read {path}: {error}.") from error
        return _cut(pixels, _rescaled(crop, pixels.shape[0] / picture.height, pixels.shape[1] / picture.width))


class EvalLoader:
    """Batches in order, for scoring and predicting; files that cannot be opened are left out and listed.

    Args:
        sources: paths, bytes, Pillow pictures or arrays.
        labels: ``(N,)`` int64, or ``None`` where unknown.
        view: what is done to each picture.
        batch_size: pictures per batch, of this process.
        threads: decoding threads, ``None`` for one per core.
        rank, world: this process takes every ``world``-th picture from ``rank`` on.
        pin: put batches where a CUDA device can fetch them by itself.

    Attributes:
        failures: pictures that could not be opened so far, in order.
    """

    def __init__(
        self,
        sources: Sequence[Any],
        labels: NDArray[np.int64] | None,
        view: View,
        *,
        batch_size: int,
        threads: int | None = None,
        rank: int = 0,
        world: int = 1,
        pin: bool = False,
    ) -> None:
        self._sources = sources
        self._labels = labels
        self._view = view
        self._batch_size = max(batch_size, 1)
        self._threads = threads or cores()
        self._rows = range(rank, len(sources), world)
        self._pin = pin
        self.failures: list[Failure] = []

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches; those without a readable picture are left out."""
        self.failures = []
        starts = range(0, len(self._rows), self._batch_size)
        plans = [self._rows[start : start + self._batch_size] for start in starts]
        batches = batches_in_order(plans, self._start, threads=self._threads)
        return (batch for batch in batches if len(batch.rows))

    def _start(self, rows: range) -> tuple[list[Callable[[], None]], Callable[[], Batch]]:
        images = _buffer(len(rows), self._view.size, self._pin)
        slots = Slots(self._sources, rows, self._view, images.numpy())

        def finish() -> Batch:
            self.failures += slots.failures
            good = slots.good
            kept = images if len(good) == len(images) else images[good]
            places = np.array([rows[slot] for slot in good], dtype=np.int64)
            labels = np.full(len(good), -1) if self._labels is None else self._labels[places]
            return Batch(kept.permute(0, 3, 1, 2), torch.from_numpy(labels), torch.from_numpy(places))

        return slots.jobs(), finish


def _buffer(count: int, size: tuple[int, int], pin: bool) -> Tensor:
    return torch.empty((count, *size, 3), dtype=torch.uint8, pin_memory=pin)


def _cut(pixels: Pixels, crop: Crop) -> Pixels:
    return pixels[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]


def _rescaled(crop: Crop, vertical: float, horizontal: float) -> Crop:
    """Return a crop in the coordinates of a picture decoded at a fraction of its size."""
    top, left = round(crop.top * vertical), round(crop.left * horizontal)
    bottom, right = round((crop.top + crop.height) * vertical), round((crop.left + crop.width) * horizontal)
    return Crop(top, left, max(bottom - top, 1), max(right - left, 1))
