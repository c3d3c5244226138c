"""Settings of the whole suite."""

import os

from hypothesis import settings

# The networks here are tiny: a second thread would mostly wait, for seconds where other processes hold its core.
# Before torch is imported, and for the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# PyMatting, the peer of some tests, would set torch's threads otherwise, and with them the last bits of training.
os.environ.setdefault("NUMBA_THREADING_LAYER", "workqueue")

# How long an example takes says nothing about whether it is right.
settings.register_profile("toprung", deadline=None)
settings.load_profile("toprung")
