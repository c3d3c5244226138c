"""Made-up cases for cutouts: objects with known alpha over papers and photograph-like grounds."""

from benchmarks.cutout_cases.cases import GROUNDS, GROUPS, Case, make_case

__all__ = ["GROUNDS", "GROUPS", "Case", "make_case"]
