import getpass
import json
import platform
import socket

import numpy
import pytest
import torch

from toprung.runs.environment import describe_environment


def test_versions_are_those_in_use() -> None:
    facts = describe_environment()
    assert facts["torch"] == torch.__version__.partition("+")[0]
    assert facts["numpy"] == numpy.__version__
    assert facts["python"] == platform.python_version()
    assert facts["accelerator"] == "none" or torch.cuda.is_available() or torch.backends.mps.is_available()
    assert all(isinstance(value, str) and value for value in facts.values())
    assert json.loads(json.dumps(facts)) == facts


def test_neither_host_nor_user_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.dumps(describe_environment())
    uname = platform.uname()
    assert {socket.gethostname(), getpass.getuser()}.isdisjoint(told.replace('"', " ").replace(",", " ").split())
    monkeypatch.setattr(platform, "uname", lambda: uname._replace(node="secret-host"))
    monkeypatch.setattr(socket, "gethostname", lambda: "secret-host")
    for name in ("USER", "LOGNAME", "HOME", "HOSTNAME"):
        monkeypatch.setenv(name, "secret-person")
    told = json.dumps(describe_environment())
    assert "secret" not in told
    assert socket.gethostname() not in told
    assert getpass.getuser() not in told
