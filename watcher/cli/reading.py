"""Open the history to read it: the configuration says where it is. Imports nothing that fetches or sends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from watcher.cli.app import App
from watcher.config import load
from watcher.registries.table import EVENT_IDS, REGISTRIES
from watcher.settings import Settings
from watcher.store.database import Database
from watcher.store.queries import Queries


def settings(app: App) -> Settings:
    """Return the configuration. Raises ConfigError with everything that is wrong with it."""
    return load(app.config, registries=frozenset(REGISTRIES), events=EVENT_IDS)


@contextmanager
def history(app: App) -> Iterator[Queries]:
    """Open the history for reading. Raises StoreError where there is none yet."""
    with Database(settings(app).store.path, create=False) as database:
        yield Queries(database)
