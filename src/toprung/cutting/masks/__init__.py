"""Maskers: a scene in, a soft mask out. Each stands in its own file and registers itself by name."""
