"""The whole configuration, for the commands that fetch, write or send."""

from __future__ import annotations

from watcher.cli.app import App
from watcher.config import load
from watcher.registries.table import REGISTRIES, event_ids
from watcher.settings import Settings


def settings(app: App) -> Settings:
    """Return the configuration. Raises ConfigError with everything that is wrong with it."""
    return load(app.config, registries=frozenset(REGISTRIES), events=event_ids())
