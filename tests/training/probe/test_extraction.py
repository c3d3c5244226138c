from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.pictures import make_pictures
from toprung.data.eval_view import EvalView
from toprung.data.loaders import normalise
from toprung.data.preprocessing import Preprocessing
from toprung.errors import DataError, ModelError
from toprung.images.files import content_hash
from toprung.training.interrupt import Interrupted
from toprung.training.probe.extraction import Extractor
from toprung.training.probe.store import FeatureStore

HOW = Preprocessing((16, 16))


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Path]:
    files = sorted(make_pictures(tmp_path / "pictures", per_class=5).rglob("*.png"))
    return {content_hash(file.read_bytes()): file for file in files}


class _Network:
    """Means of the channels as features; counts the pictures, and may be told to do something at one of them."""

    def __init__(self) -> None:
        self.seen = 0
        self.interrupt_after = 10**9

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        self.seen += len(inputs)
        if self.seen >= self.interrupt_after:
            self.interrupt_after = 10**9
            os.kill(os.getpid(), signal.SIGINT)
        return inputs.mean((2, 3))


def _extractor(network: object) -> Extractor:
    return Extractor(network, torch.device("cpu"), HOW, batch_size=4, threads=1)  # type: ignore[arg-type]


def _silent(done: int, total: int) -> None:
    return None


def test_each_picture_goes_through_the_network_once(pictures: dict[str, Path], tmp_path: Path) -> None:
    network, view = _Network(), EvalView(HOW)
    store = FeatureStore(tmp_path, "m", {})
    assert _extractor(network).complete(store, pictures, view, _silent) == 15
    assert _extractor(network).complete(store, pictures, view, _silent) == 0
    assert _extractor(network).complete(FeatureStore(tmp_path, "m", {}), pictures, view, _silent) == 0
    assert network.seen == 15
    for content, file in pictures.items():
        pixels = torch.from_numpy(view(file).copy()).permute(2, 0, 1)[None]
        wanted = normalise(pixels, HOW.mean, HOW.std).mean((2, 3)).numpy()
        np.testing.assert_allclose(store.rows([content]), wanted, atol=1e-6)


def test_only_new_pictures_are_computed(pictures: dict[str, Path], tmp_path: Path) -> None:
    network, store = _Network(), FeatureStore(tmp_path, "m", {})
    some = dict(list(pictures.items())[:6])
    _extractor(network).complete(store, some, EvalView(HOW), _silent)
    assert _extractor(network).complete(store, pictures, EvalView(HOW), _silent) == 9


def test_what_was_computed_before_an_interruption_is_not_computed_again(
    pictures: dict[str, Path], tmp_path: Path
) -> None:
    network = _Network()
    network.interrupt_after = 8
    with pytest.raises(Interrupted, match="after the features of 8 of 15 pictures"):
        _extractor(network).complete(FeatureStore(tmp_path, "m", {}), pictures, EvalView(HOW), _silent)
    again = FeatureStore(tmp_path, "m", {})
    assert _extractor(network).complete(again, pictures, EvalView(HOW), _silent) == 7
    assert network.seen == 15
    whole = FeatureStore(tmp_path / "other", "m", {})
    _extractor(_Network()).complete(whole, pictures, EvalView(HOW), _silent)
    assert np.array_equal(whole.rows(list(pictures)), again.rows(list(pictures)))


def test_a_picture_that_is_gone_stops_it_and_the_others_are_kept(pictures: dict[str, Path], tmp_path: Path) -> None:
    file = list(pictures.values())[-1]
    file.rename(file.with_name("away.png"))
    store = FeatureStore(tmp_path, "m", {})
    with pytest.raises(DataError, match="cannot be read any more"):
        _extractor(_Network()).complete(store, pictures, EvalView(HOW), _silent)
    assert sum(content in store for content in pictures) >= 12


def test_features_that_are_no_numbers_are_refused(pictures: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="NaN or infinite features"):
        _extractor(lambda inputs: inputs.mean((2, 3)) / 0).complete(
            FeatureStore(tmp_path, "m", {}), pictures, EvalView(HOW), _silent
        )
