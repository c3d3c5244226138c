"""What others would use for the steps of a cutout, one peer per file."""

from benchmarks.cutout_peers.inputs import PlateCase, TwoCase, plate_case
from benchmarks.cutout_peers.registry import peers

__all__ = ["PlateCase", "TwoCase", "peers", "plate_case"]
