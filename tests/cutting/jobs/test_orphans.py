import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SCRIPT = """
import os, sys, time
from pathlib import Path
from toprung.cutting.jobs.workers import run_in_processes

def wait(number):
    Path(sys.argv[1], f"pid-{os.getpid()}").touch()
    time.sleep(300)

if __name__ == "__main__":
    list(run_in_processes(wait, [1, 2], jobs=2, threads=1))
"""


def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    parent = subprocess.Popen([sys.executable, tmp_path / "script.py", tmp_path])
    until = time.monotonic() + 60
    while len(pids := [int(path.name[4:]) for path in tmp_path.glob("pid-*")]) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    assert len(pids) == 2
    assert not any(map(alive, pids))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]
    except OSError:
        return False
