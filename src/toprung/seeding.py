"""One seed, every generator: numbers are drawn by *position*, not by how many were drawn before.

Each random decision takes a generator made from (seed, what it is for, where it stands), for example
``generator(seed, "augment", epoch, index)``. So the order in which threads finish changes nothing, and a
resumed run needs only its step number to go on exactly as if it had never stopped.
"""

from __future__ import annotations

import hashlib
import random

import numpy as np


def derive_seed(seed: int, purpose: str, *position: int) -> int:
    """Return a 63-bit seed that depends on all arguments (BLAKE2b of their text form).

    Args:
        seed: the run's seed.
        purpose: what the numbers are for, such as ``"augment"``.
        position: where they stand, such as epoch and picture index.
    """
    text = f"{seed}/{purpose}/" + "/".join(map(str, position))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def generator(seed: int, purpose: str, *position: int) -> np.random.Generator:
    """Return a NumPy generator for one purpose at one position (PCG64)."""
    return np.random.Generator(np.random.PCG64(derive_seed(seed, purpose, *position)))


def seed_global_generators(seed: int, purpose: str, *position: int) -> None:
    """Seed Python's, NumPy's and torch's global generators (CPU and every accelerator).

    Called before model building and before each optimiser step, so dropout and stochastic depth at step n
    do not depend on how the process got to step n.
    """
    import torch

    value = derive_seed(seed, purpose, *position)
    random.seed(value)
    np.random.seed(value & 0xFFFFFFFF)
    torch.manual_seed(value)
