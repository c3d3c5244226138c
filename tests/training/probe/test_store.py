from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from toprung.errors import StorageError
from toprung.training.probe.store import FeatureStore

NAMES = [hashlib.blake2b(bytes([number]), digest_size=16).hexdigest() for number in range(6)]
VALUES = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def test_features_come_back_bit_for_bit_in_the_order_asked_for(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, "m", {"a": 1})
    store.add(NAMES[:2], VALUES[:2])
    store.add(NAMES[2:], VALUES[2:])
    for one in (store, FeatureStore(tmp_path, "m", {"a": 1})):
        assert all(name in one for name in NAMES)
        order = [5, 0, 3, 3]
        assert np.array_equal(one.rows([NAMES[row] for row in order]), VALUES[order])


def test_another_network_has_another_store(tmp_path: Path) -> None:
    FeatureStore(tmp_path, "m", {"a": 1}).add(NAMES, VALUES)
    assert NAMES[0] not in FeatureStore(tmp_path, "m", {"a": 2})


def test_nothing_is_made_before_there_are_features(tmp_path: Path) -> None:
    FeatureStore(tmp_path, "m", {})
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_part_is_named_with_the_remedy(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, "m", {})
    store.add(NAMES, VALUES)
    (part,) = store.path.glob("*.safetensors")
    part.write_bytes(part.read_bytes()[:-5])
    with pytest.raises(StorageError, match=r"is damaged.*remove it"):
        FeatureStore(tmp_path, "m", {})
