"""Talk to the model hub without a minute of retries when the machine is offline."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from urllib.parse import urlparse


def hub_is_out_of_reach() -> bool:
    """Say whether the hub's name cannot be resolved; ``False`` behind a proxy, which resolves names itself."""
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return False
    from huggingface_hub import constants

    host = urlparse(constants.ENDPOINT).hostname or ""
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        return True
    return False


@contextlib.contextmanager
def offline_when_out_of_reach() -> Iterator[None]:
    """Within the block use only weights already on this disk, if the hub cannot be reached.

    The hub's client retries an unresolvable name five times per file; in its offline mode it answers at once.
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
