"""The child process of a climb: does one job. Started by :class:`toprung.ladder.climb.jobs.Child`."""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from toprung.errors import ToprungError
from toprung.ladder.climb.jobs import INTERRUPTED, Job
from toprung.ladder.display import RichDisplay
from toprung.storage import write_json
from toprung.training.interrupt import Interrupted


def main() -> int:
    """Do the job on standard input, and write its answer into the file that is named."""
    answer = Path(sys.argv[1])
    job: Job = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    content: dict[str, Any]
    code = 0
    try:
        content = {"values": job.perform(RichDisplay())}
    except (Interrupted, KeyboardInterrupt):
        content, code = {"interrupted": True}, INTERRUPTED
    except ToprungError as error:
        content, code = {"error": str(error), "kind": type(error).__name__}, error.exit_code
    except Exception as error:
        traceback.print_exc()
        said = str(error).strip().splitlines()
        content = {"error": f"{type(error).__name__}: {said[0] if said else ''}", "kind": type(error).__name__}
        code = 1
    if answer.parent.is_dir():  # a climb that died has taken its folder along
        write_json(answer, json.loads(json.dumps(content, default=str)))
    return code


def _end_with_parent() -> None:
    """Wait until the climb is gone, then ask this process to save its state and end."""
    while os.read(sys.stdin.fileno(), 1):  # past Python's buffer, whose lock would be held when this process ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
