"""Readers of the formats in which weights are published; none of them executes anything from a file."""
