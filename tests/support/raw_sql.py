"""Raw rows of a store, for tests alone: the product reads and writes through the tables of `Store`."""

from __future__ import annotations

from watcher.store.base import Database
from watcher.store.store import Store


def connection(store: Store) -> Database:
    """Return the connection of a store; that of an SQLite file has the sqlite3 module's own as `conn`."""
    return store.database
