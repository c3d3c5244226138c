"""Ways to an alpha: each in its own file, registered by name; the pipeline runs those that apply."""
