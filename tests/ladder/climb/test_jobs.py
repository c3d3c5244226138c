"""However a child ends, the climb learns how, and a child does not outlive its climb."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from toprung.errors import ModelError
from toprung.ladder.climb.jobs import Child, Outcome
from toprung.ladder.display import Display
from toprung.training.interrupt import Interrupted


@dataclass(frozen=True)
class Ends:
    """A job that ends in a given way."""

    how: str

    def perform(self, display: Display) -> dict[str, Any]:
        """End."""
        if self.how == "well":
            return {"answer": 42}
        if self.how == "mistake":
            raise ModelError("no such model.")
        if self.how == "bug":
            raise ZeroDivisionError("division by zero\nmore")
        if self.how == "stopped":
            raise Interrupted("stopped")
        if self.how == "exit":
            os._exit(7)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


@dataclass(frozen=True)
class Waits:
    """A job that says it is there and waits."""

    sign: Path

    def perform(self, display: Display) -> dict[str, Any]:
        """Wait."""
        self.sign.write_text(str(os.getpid()))
        time.sleep(60)
        return {}


@pytest.mark.parametrize(
    ("how", "outcome"),
    [
        ("well", Outcome({"answer": 42})),
        ("mistake", Outcome({}, "no such model.", "ModelError")),
        ("bug", Outcome({}, "ZeroDivisionError: division by zero", "ZeroDivisionError")),
        ("stopped", Outcome({}, interrupted=True)),
        ("exit", Outcome({}, "its process ended with code 7 and said nothing.", "Crash")),
        ("killed", Outcome({}, "its process was ended by SIGKILL, most likely because memory ran out.", "Crash")),
    ],
)
def test_ends(how: str, outcome: Outcome) -> None:
    assert Child(Ends(how)).wait() == outcome


def test_a_child_speaks_into_its_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "net.log"
    Child(Ends("bug"), log=log).wait()
    assert "ZeroDivisionError" in log.read_text()


def test_a_child_ends_with_its_climb(tmp_path: Path) -> None:
    sign = tmp_path / "sign"
    code = (
        "from pathlib import Path\nfrom tests.ladder.climb.test_jobs import Waits\n"
        f"from toprung.ladder.climb.jobs import Child\nChild(Waits(Path({str(sign)!r}))).wait()"
    )
    climb = subprocess.Popen([sys.executable, "-c", code])
    while not sign.is_file() or not sign.read_text():
        time.sleep(0.05)
    child = int(sign.read_text())
    climb.kill()
    climb.wait()
    ended = False
    while not ended:
        time.sleep(0.05)
        try:
            os.kill(child, 0)
            ended = Path(f"/proc/{child}/stat").read_text().split(") ")[1].startswith("Z")
        except (ProcessLookupError, FileNotFoundError):
            ended = True
