"""Talk to the model hub without a minute of retries when the machine is offline."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from urllib.parse import urlparse

from toprung.errors import WeightsError

PATIENCE = 4.0  # seconds
_CLIENTS = {"httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3", "urllib", "huggingface_hub"}
_CLIENTS |= {"safetensors", "pickle", "_pickle"}


def hub_is_out_of_reach() -> bool:
    """Say whether nothing answers at the hub's address; ``False`` behind a proxy, which alone could tell."""
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return False
    from huggingface_hub import constants

    address = urlparse(constants.ENDPOINT)
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        socket.create_connection((address.hostname or "", port), timeout=PATIENCE).close()
    except OSError:
        return True
    return False


@contextlib.contextmanager
def offline_when_out_of_reach() -> Iterator[None]:
    """Within the block use only weights already on this disk, if the hub cannot be reached.

    The hub's client tries five times per file, for most of a minute; in its offline mode it answers at once.
    """
    if not hub_is_out_of_reach():
        yield
        return
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def is_download_error(error: Exception) -> bool:
    """Say whether an error came from fetching or reading a file: the network's, the hub client's, a damaged cache's.

    The client's own errors derive from no common base.
    """
    from_client = type(error).__module__.split(".")[0] in _CLIENTS
    return isinstance(error, OSError) or from_client or "invalid hash value" in str(error)


def unreachable(name: str, error: Exception) -> WeightsError:
    """Return the error that says why a model's pretrained weights cannot be had, and what else there is."""
    if type(error).__name__ in ("LocalEntryNotFoundError", "OfflineModeIsEnabled"):
        reason = "the hub cannot be reached and they were not downloaded to this machine before"
    else:
        reason = f"{type(error).__name__}: {first_line(error)}"
    return WeightsError(
        f"the pretrained weights of {name} cannot be had ({reason}); "
        "go online, or give --weights a file on this machine, package:NAME, or none."
    )


def first_line(error: BaseException) -> str:
    """Return the start of what an error says, without its full stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    text = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return text[:200].rstrip(" .")
