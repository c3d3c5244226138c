"""Fuse the answers of runs into a run."""
