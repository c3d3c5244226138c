"""Run the command line in this process, as `toprung ...` would."""

from __future__ import annotations

import contextlib
import io
import sys
from dataclasses import dataclass

import pytest

from toprung.cli.main import main


@dataclass(frozen=True)
class Result:
    """Exit code and what was printed."""

    code: int
    out: str
    err: str


def toprung(*arguments: object) -> Result:
    """Run one command; the exit code is that of the process."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "argv", ["toprung", *map(str, arguments)])
        patch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            main()
    code = ended.value.code
    return Result(code if isinstance(code, int) else 0 if code is None else 1, out.getvalue(), err.getvalue())
