"""The review of cutouts: a page that shows each one beside its judgement, and takes a person's picks and strokes."""
