"""Everything wired together, for the commands that fetch, write or send."""

from __future__ import annotations

from watcher.cli.app import App
from watcher.cli.configured import settings
from watcher.service import Service


def service(app: App, *, create: bool = True) -> Service:
    """Return the parts as configured, to be used as a context manager; `create` False: the history must be there."""
    return Service(settings(app), create=create)
