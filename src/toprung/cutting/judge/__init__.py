"""The judge: how wrong an alpha is, without knowing the truth."""

from toprung.cutting.judge.judging import judge, rank

__all__ = ["judge", "rank"]
