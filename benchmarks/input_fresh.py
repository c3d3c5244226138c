"""One pass over files in a fresh process, for ``input.py``: prints the seconds."""

import sys
from pathlib import Path

from benchmarks.input import run_fresh

if __name__ == "__main__":
    print(run_fresh(sys.argv[1], [Path(path) for path in sys.argv[2:]]))
