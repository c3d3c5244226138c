"""Importing PyMatting leaves the rest of the process as it is."""

import os
import subprocess
import sys

TOLD = """
import torch
before = torch.get_num_threads()
from toprung.cutting.matte.pymatting_library import pymatting
import numpy as np
pymatting().cf_laplacian(np.random.default_rng(0).random((9, 9, 3)), 1e-6, 1)
print(before, torch.get_num_threads())
"""


def test_the_threads_of_torch_stay_what_they_were() -> None:
    clean = {name: value for name, value in os.environ.items() if name != "NUMBA_THREADING_LAYER"}
    environment = clean | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", TOLD], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1"]
