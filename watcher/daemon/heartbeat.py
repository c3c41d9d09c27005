"""The heartbeat: one GET of a URL, for a service that raises an alarm when it stays away."""

from __future__ import annotations

import requests

from watcher import __version__
from watcher.core.errors import DeliveryError, FetchError
from watcher.fetch.guarded_sockets import Guard, GuardedAdapter
from watcher.fetch.responses import LIBRARY_ERRORS, explain_error

_REPLY = 65536  # bytes of the answer that are accepted


def ping(url: str, timeout: float) -> None:
    """GET a URL once, within `timeout` seconds. Raises DeliveryError unless the status is 2xx; no redirect is followed.

    The error never shows the URL: it may be a secret.
    """
    guard = Guard(
        deadline=timeout,
        connect_timeout=timeout,
        read_timeout=timeout,
        wire_bytes=4 * _REPLY,
        allow_private=True,  # the operator's own choice of URL
    )
    with requests.Session() as session:
        session.trust_env = False
        session.headers["User-Agent"] = f"registry-watcher/{__version__}"
        for scheme in ("http://", "https://"):
            session.mount(scheme, GuardedAdapter(guard))
        guard.begin()
        try:
            with session.get(url, allow_redirects=False, stream=True) as answer:
                status = answer.status_code
        except FetchError as error:
            raise DeliveryError(f"no answer: {error.reason}", permanent=False) from None
        except LIBRARY_ERRORS as error:
            raise DeliveryError(f"no answer: {explain_error(error).reason}", permanent=False) from None
    if not 200 <= status < 300:
        raise DeliveryError(f"HTTP {status}", permanent=False)
