"""The heartbeat: one GET of a URL, for a service that raises an alarm when it stays away."""

from __future__ import annotations

from watcher import __version__
from watcher.core.errors import DeliveryError, FetchError
from watcher.fetch.guarded_sockets import session_for_one_request
from watcher.fetch.responses import LIBRARY_ERRORS, explain_error


def ping(url: str, timeout: float) -> None:
    """GET a URL once, within `timeout` seconds. Raises DeliveryError unless the status is 2xx; no redirect is followed.

    The error never shows the URL: it may be a secret.
    """
    with session_for_one_request(timeout) as session:
        session.headers["User-Agent"] = f"registry-watcher/{__version__}"
        try:
            with session.get(url, allow_redirects=False, stream=True) as answer:
                status = answer.status_code
        except FetchError as error:
            raise DeliveryError(f"no answer: {error.reason}", permanent=False) from None
        except LIBRARY_ERRORS as error:
            raise DeliveryError(f"no answer: {explain_error(error).reason}", permanent=False) from None
    if not 200 <= status < 300:
        raise DeliveryError(f"HTTP {status}", permanent=False)
