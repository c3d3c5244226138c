"""Augmentation, mixing, order, cache and loaders against other libraries, closed forms and themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import v2

from tests.pictures import make_pictures
from toprung.data.augment import TrainView, erase, random_resized_crop
from toprung.data.cache import DiskStore, PixelCache, RamStore, crop_side, kept_bytes, kept_size
from toprung.data.loaders import TrainLoader, normalise
from toprung.data.mixing import Mixing, smooth_targets
from toprung.data.order import balanced_order, batches_of_epoch
from toprung.data.randaugment import operation_names, rand_augment, trivial_augment
from toprung.data.resample import resize
from toprung.data.sources import read_source
from toprung.data.table import Table
from toprung.errors import DataError, RecipeError


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return read_source(make_pictures(tmp_path_factory.mktemp("p"), per_class=7, side=50))


def _smooth_picture(height: int, width: int) -> np.ndarray:
    draw = np.random.default_rng(0)
    coarse = draw.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    return np.array(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("size", [(64, 64), (200, 150), (31, 77)])
def test_resize_is_pillows(interpolation: str, size: tuple[int, int]) -> None:
    picture = _smooth_picture(120, 161)
    ours = resize(picture, *size, interpolation).astype(int)
    theirs = np.array(
        Image.fromarray(picture).resize((size[1], size[0]), Image.Resampling[interpolation.upper()])
    ).astype(int)
    assert np.abs(ours - theirs).mean() < 0.3
    assert np.abs(ours - theirs).max() <= 10


def test_normalise_is_torchvisions() -> None:
    images = torch.randint(0, 256, (3, 3, 5, 7), dtype=torch.uint8)
    mean, std = (0.48, 0.45, 0.4), (0.2, 0.21, 0.22)
    expected = v2.functional.normalize(images.float() / 255, list(mean), list(std))
    assert torch.allclose(normalise(images, mean, std), expected, atol=1e-5)
    last = images.contiguous(memory_format=torch.channels_last)
    result = normalise(last, mean, std)
    assert torch.allclose(result, expected, atol=1e-5)
    assert result.is_contiguous(memory_format=torch.channels_last)


def test_crops_are_distributed_as_torchvisions() -> None:
    draw = np.random.default_rng(1)
    torch.manual_seed(1)
    ours = [random_resized_crop(300, 400, (0.2, 1.0), draw) for _ in range(4000)]
    image = torch.empty(3, 300, 400)
    theirs = []
    crop = v2.RandomResizedCrop(10, scale=(0.2, 1.0))
    for _ in range(4000):
        made = crop.make_params([image])
        theirs.append((made["top"], made["left"], made["height"], made["width"]))
    our_numbers = np.array([(c.top, c.left, c.height, c.width) for c in ours])
    spread = our_numbers.std(axis=0) / np.sqrt(4000)
    difference = np.abs(our_numbers.mean(axis=0) - np.array(theirs).mean(axis=0))
    assert (difference < 5 * np.sqrt(2) * spread).all()
    assert np.allclose(our_numbers.std(axis=0), np.array(theirs).std(axis=0), rtol=0.08)


@given(st.integers(1, 400), st.integers(1, 400), st.floats(0.01, 1.0), st.integers(0, 10**6))
def test_crops_lie_inside(height: int, width: int, least: float, seed: int) -> None:
    crop = random_resized_crop(height, width, (least, 1.0), np.random.default_rng(seed))
    assert 0 <= crop.top <= crop.top + crop.height <= height
    assert 0 <= crop.left <= crop.left + crop.width <= width
    assert crop.height >= 1
    assert crop.width >= 1


def test_an_untouched_view_is_the_picture() -> None:
    picture = _smooth_picture(40, 40)
    view = TrainView((40, 40), scale=(1.0, 1.0), flip=0.0)
    assert np.array_equal(view.finish(picture, np.random.default_rng(0)), picture)
    flipped = TrainView((40, 40), flip=1.0, vertical_flip=1.0).finish(picture, np.random.default_rng(0))
    assert np.array_equal(flipped, np.rot90(picture, 2))


@pytest.mark.parametrize("seed", range(30))
def test_augmentations_keep_shape_and_type_and_repeat(seed: int) -> None:
    picture = _smooth_picture(48, 36)
    for how in (
        lambda draw: rand_augment(picture, draw, operations=2, magnitude=9, magnitude_std=0.5),
        lambda draw: trivial_augment(picture, draw),
        lambda draw: erase(picture, draw),
    ):
        one, two = how(np.random.default_rng(seed)), how(np.random.default_rng(seed))
        assert one.shape == picture.shape
        assert one.dtype == np.uint8
        assert np.array_equal(one, two)


def test_augmentation_of_no_strength_changes_little() -> None:
    """At magnitude 0 only operations without a strength (auto contrast, equalize, invert) may act."""
    picture = _smooth_picture(48, 48)
    unchanged = 0
    for seed in range(200):
        made = rand_augment(picture, np.random.default_rng(seed), operations=1, magnitude=0, magnitude_std=0)
        unchanged += int(np.abs(made.astype(int) - picture).max() <= 1)
    without_strength = 3 / len(operation_names())
    assert unchanged / 200 == pytest.approx(1 - without_strength / 2, abs=0.1)


def test_erasing_is_a_box_of_noise_of_the_stated_area() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    for seed in range(50):
        rows, columns = np.nonzero(erase(picture, np.random.default_rng(seed)).any(axis=2))
        area = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        assert 0.015 <= area / 10_000 <= 0.35
        assert len(rows) > 0.95 * area


def test_smoothed_targets_give_torchs_loss() -> None:
    logits, labels = torch.randn(6, 4, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 0, 1])
    expected = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
    ours = torch.nn.functional.cross_entropy(logits, smooth_targets(labels, 4, 0.1).double())
    assert float(ours) == pytest.approx(float(expected), abs=1e-6)


@given(st.integers(0, 10_000), st.sampled_from([(0.8, 0.0), (0.0, 1.0), (0.4, 1.0)]))
@settings(max_examples=60, deadline=None)
def test_mixed_targets_are_the_share_of_pixels(step: int, alphas: tuple[float, float]) -> None:
    """Pictures of constant value: the mean of a mixed picture must tell the same share as its target."""
    labels = torch.arange(4)
    inputs = labels.float().view(4, 1, 1, 1).expand(4, 3, 24, 30).contiguous()
    mixing = Mixing(mixup=alphas[0], cutmix=alphas[1], probability=1.0, label_smoothing=0.0, num_classes=4, seed=5)
    mixed, targets = mixing(inputs, labels, step)
    assert torch.allclose(targets.sum(1), torch.ones(4))
    assert torch.allclose(mixed.mean(dim=(1, 2, 3)), targets @ labels.float(), atol=1e-4)


def test_mixing_off_and_rare() -> None:
    inputs, labels = torch.randn(4, 3, 8, 8), torch.arange(4)
    mixing = Mixing(mixup=0.2, cutmix=0.0, probability=0.3, label_smoothing=0.0, num_classes=4, seed=0)
    untouched = sum(mixing(inputs, labels, step)[0] is inputs for step in range(400))
    assert untouched / 400 == pytest.approx(0.7, abs=0.08)


@given(st.lists(st.integers(0, 3), min_size=4, max_size=60), st.integers(0, 5), st.integers(1, 9))
@settings(deadline=None)
def test_an_epoch_holds_each_picture_at_most_once(labels: list[int], epoch: int, batch: int) -> None:
    size = min(batch, len(labels))
    made = batches_of_epoch(np.array(labels), epoch, seed=1, batch_size=size, balanced=False)
    assert made.shape == (len(labels) // size, size)
    assert len(set(made.ravel().tolist())) == made.size


@given(st.lists(st.integers(0, 3), min_size=4, max_size=80))
def test_balanced_order_draws_classes_equally(labels: list[int]) -> None:
    array = np.array(labels)
    drawn = array[balanced_order(array, np.random.default_rng(0))]
    counts = np.array([(drawn == label).sum() for label in np.unique(array)])
    assert np.ptp(counts) <= 1
    assert len(drawn) == len(labels)


def _all(loader: TrainLoader, epoch: int = 0, start: int = 0) -> list[torch.Tensor]:
    return [batch.images.clone() for batch in loader.epoch(epoch, start)]


VIEW = TrainView((32, 32), auto_augment="randaugment", erasing=0.5)


def test_batches_do_not_depend_on_threads_or_on_where_an_epoch_starts(table: Table) -> None:
    one = _all(TrainLoader(table, VIEW, batch_size=4, seed=3, threads=1))
    four = _all(TrainLoader(table, VIEW, batch_size=4, seed=3, threads=4))
    late = _all(TrainLoader(table, VIEW, batch_size=4, seed=3, threads=2), start=2)
    assert len(one) == 5
    assert all(torch.equal(a, b) for a, b in zip(one, four, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(one[2:], late, strict=True))
    again = _all(TrainLoader(table, VIEW, batch_size=4, seed=3), epoch=1)
    assert not torch.equal(one[0], again[0])


@pytest.mark.parametrize("kind", ["ram", "disk"])
def test_a_cache_gives_the_same_pixels_empty_full_or_resumed(kind: str, table: Table, tmp_path: Path) -> None:
    def loader() -> TrainLoader:
        store = RamStore() if kind == "ram" else DiskStore(tmp_path)
        return TrainLoader(table, VIEW, batch_size=4, seed=3, cache=PixelCache(store, side=40))

    warm = loader()
    _all(warm, epoch=0)
    filled, fresh = _all(warm, epoch=1), _all(loader(), epoch=1)
    assert all(torch.equal(a, b) for a, b in zip(filled, fresh, strict=True))


def test_a_full_disk_stops_caching_with_a_warning_not_training(table: Table, tmp_path: Path) -> None:
    class Full(DiskStore):
        def put(self, row: int, pixels: np.ndarray) -> None:
            import errno
            import os

            def refuse(*arguments: object) -> int:
                raise OSError(errno.ENOSPC, "no space")

            whole, os.pwrite = os.pwrite, refuse
            try:
                super().put(row, pixels)
            finally:
                os.pwrite = whole

    loader = TrainLoader(table, VIEW, batch_size=4, seed=3, threads=1, cache=PixelCache(Full(tmp_path), side=40))
    plain = TrainLoader(table, VIEW, batch_size=4, seed=3, cache=PixelCache(RamStore(), side=40))
    with pytest.warns(RuntimeWarning, match="no more pictures are cached.*disk is full"):
        made = _all(loader)
    assert all(torch.equal(a, b) for a, b in zip(made, _all(plain), strict=True))


def test_kept_sizes() -> None:
    assert kept_size(3000, 4000, 300) == (300, 400)
    assert kept_size(200, 100, 300) == (200, 100)
    assert crop_side((224, 224), 1.0) == 448  # twice the input
    assert crop_side((224, 224), 0.01) == 2240  # the smallest crop is a tenth of the side
    assert kept_bytes([(3000, 4000), (10, 10)], 300) == 3 * (300 * 400 + 100)


def test_processes_share_each_batch(table: Table) -> None:
    whole = _all(TrainLoader(table, VIEW, batch_size=6, seed=3))
    parts = [_all(TrainLoader(table, VIEW, batch_size=6, seed=3, rank=rank, world=2)) for rank in (0, 1)]
    for batch, first, second in zip(whole, *parts, strict=True):
        assert torch.equal(batch, torch.cat([first, second]))
    with pytest.raises(RecipeError, match="cannot be shared equally by 2 processes"):
        TrainLoader(table, VIEW, batch_size=5, seed=3, world=2)


def test_labels_go_with_their_pictures(table: Table) -> None:
    """The mean colour of each picture names its class."""
    loader = TrainLoader(table, TrainView((8, 8)), batch_size=7, seed=0)
    for batch in loader.epoch(0):
        means = batch.images.float().mean(dim=(2, 3))
        assert batch.labels.tolist() == [{2: 0, 1: 1, 0: 2}[int(mean.argmax())] for mean in means]


def test_a_picture_that_vanishes_during_training_is_an_error_not_another_picture(tmp_path: Path) -> None:
    table = read_source(make_pictures(tmp_path / "p", per_class=4))
    table.paths[5].unlink()
    with pytest.raises(DataError, match=r"cannot be read any more.*no such file"):
        _all(TrainLoader(table, VIEW, batch_size=4, seed=0))


def test_training_pictures_are_as_sharp_as_those_of_validation(tmp_path: Path) -> None:
    """Fine texture, which a cache at too small a size would blur in training only."""
    from toprung.data.eval_view import EvalView
    from toprung.data.preprocessing import Preprocessing

    draw = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(6):
            noise = draw.integers(0, 256, (250, 250, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / name / f"{number}.jpg", quality=95)
    table = read_source(tmp_path)
    view = TrainView((128, 128), scale=(1.0, 1.0), flip=0.0)
    score = EvalView(Preprocessing((128, 128), crop_pct=1.0))
    expected = np.stack([score(path) for path in table.paths]).std()
    for cache in (None, PixelCache(RamStore(), side=crop_side((128, 128), 0.5))):
        loader = TrainLoader(table, view, batch_size=12, seed=0, cache=cache)
        assert float(_all(loader)[0].numpy().std()) == pytest.approx(expected, rel=0.02)
