"""Settings of the whole suite."""

import os

from hypothesis import settings

# The networks here are tiny: a second thread would mostly wait, for seconds where other processes hold its core.
# Before torch is imported, and for the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says nothing about whether it is right.
settings.register_profile("toprung", deadline=None)
settings.load_profile("toprung")
