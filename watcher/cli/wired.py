"""Everything wired together, for the commands that fetch, write or send."""

from __future__ import annotations

from watcher.cli.context import settings
from watcher.cli.output import App
from watcher.monitor.monitor import Monitor


def service(app: App, *, create: bool = True) -> Monitor:
    """Return the parts as configured, to be used as a context manager; `create` False: the history must be there."""
    return Monitor(settings(app), create=create)
