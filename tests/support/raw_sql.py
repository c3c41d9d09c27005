"""Raw rows of a store, for tests alone: the product reads and writes through the tables of `Store`."""

from __future__ import annotations

from watcher.store.database import SqliteDatabase
from watcher.store.store import Store


def connection(store: Store) -> SqliteDatabase:
    """Return the connection of a store in an SQLite file."""
    assert isinstance(store.database, SqliteDatabase)
    return store.database
