"""Who may use the web interface: under which names it answers, the token, and how much one client may ask for."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from watcher.config.settings import Settings


class WebAccess(Struct, frozen=True, kw_only=True):
    """What `[web]` says about clients; a reload replaces it. `setting` is the name of `hosts` in messages.

    Without a token everybody who reaches the server may read, and nobody may write. `address` is the URL of the first
    page, "" if none is configured.
    """

    hosts: Collection[str] = ()
    token: str = ""
    address: str = ""
    requests_per_minute: int = 1_200
    setting: str = "web.hosts"


def read_access(settings: Settings) -> WebAccess:
    """Return the access that a configuration describes. Raises ConfigError if its token cannot be read."""
    web = settings.web
    return WebAccess(
        hosts=web.hosts,
        token=web.token.read(settings.folder).strip() if web.token else "",
        address=web.address or "",
        requests_per_minute=web.requests_per_minute,
    )
