"""The whole configuration, for the commands that fetch, write or send."""

from __future__ import annotations

from watcher.cli.output import App
from watcher.config.load import load
from watcher.config.settings import Settings
from watcher.formats.catalog import FORMATS
from watcher.registries.catalog import REGISTRIES, event_ids


def settings(app: App) -> Settings:
    """Return the configuration. Raises ConfigError with everything that is wrong with it."""
    return load(app.config, registries=frozenset(REGISTRIES), formats=FORMATS, events=event_ids())
