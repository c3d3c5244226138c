"""The tables of ``python -m benchmarks.cutout``, one per file."""
