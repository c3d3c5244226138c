import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import timm

from toprung.errors import ModelError, WeightsError
from toprung.models import hub
from toprung.models.catalogue import build
from toprung.models.hub import first_line, hub_is_out_of_reach, offline_when_out_of_reach


@pytest.fixture(autouse=True)
def _empty_cache_and_no_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine without a network; returns the list of hosts that were asked for."""
    asked: list[str] = []

    def no_name(host: str, *_: Any, **__: Any) -> None:
        asked.append(host)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_name)
    return asked


@pytest.fixture
def listening() -> Iterator[int]:
    """A port of this machine at which something answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: server.accept()[0].close(), daemon=True)  # noqa: PLW0108
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_offline_a_pretrained_model_is_one_clear_sentence_after_one_question(no_network: list[str]) -> None:
    with pytest.raises(WeightsError) as error:
        build("resnet10t", 3, {}, pretrained=True)
    message = str(error.value)
    assert "pretrained weights of resnet10t cannot be had (the hub cannot be reached" in message
    assert "--weights a file on this machine, package:NAME, or none" in message
    assert "\n" not in message
    assert len(no_network) == 1  # and not five retries for each of several files


def test_a_hub_that_refuses_is_as_good_as_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://127.0.0.1:{closed_port()}")
    assert hub_is_out_of_reach()
    with pytest.raises(WeightsError, match="cannot be reached"):
        build("resnet10t", 3, {}, pretrained=True)


def test_a_hub_that_answers_is_in_reach(monkeypatch: pytest.MonkeyPatch, listening: int) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://127.0.0.1:{listening}")
    assert not hub_is_out_of_reach()


def test_behind_a_proxy_the_client_must_find_out(monkeypatch: pytest.MonkeyPatch, no_network: list[str]) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert not hub_is_out_of_reach()
    assert no_network == []


def test_the_clients_mode_is_put_back(no_network: list[str]) -> None:
    before = huggingface_hub.constants.HF_HUB_OFFLINE
    with pytest.raises(ZeroDivisionError), offline_when_out_of_reach():
        assert huggingface_hub.constants.HF_HUB_OFFLINE
        _ = 1 / 0
    assert before == huggingface_hub.constants.HF_HUB_OFFLINE


def test_without_pretrained_weights_nobody_is_asked(no_network: list[str]) -> None:
    build("test_resnet", 3, {})
    assert no_network == []


LOADING = "Error(s) in loading state_dict for X:\n\tsize mismatch for w: (1) and (2).\n"


class _Timeout(Exception):
    __module__ = "httpx2"


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (_Timeout("read timed out"), WeightsError, "_Timeout: read timed out"),
        (ConnectionResetError(104, "Connection reset by peer"), WeightsError, "Connection reset"),
        (OSError(28, "No space left on device"), WeightsError, "No space left"),
        (RuntimeError("invalid hash value (expected a, got b)"), WeightsError, "invalid hash value"),
        (RuntimeError(LOADING), ModelError, "size mismatch for w"),
    ],
)
def test_what_goes_wrong_while_fetching_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[Exception], said: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(hub, "hub_is_out_of_reach", lambda: False)
    monkeypatch.setattr(timm, "create_model", fail)
    with pytest.raises(kind, match=said) as found:
        build("resnet10t", 3, {}, pretrained=True)
    assert "\n" not in str(found.value)


def test_first_line() -> None:
    assert first_line(ValueError("a b.\nc")) == "a b"
    assert first_line(ValueError("in X:\n\n\tw is wrong.\nmore")) == "in X: w is wrong"
    assert first_line(ValueError()) == "ValueError"
