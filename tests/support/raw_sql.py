"""Raw rows of a store, for tests alone: the product reads and writes through the tables of `Store`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from watcher.store.base import Database
from watcher.store.store import Store

INSERT_SOURCE = "INSERT INTO sources (name, registry) VALUES (?, 'ports')"


def connection(store: Store) -> Database:
    """Return the connection of a store; that of an SQLite file has the sqlite3 module's own as `conn`."""
    return store.database


def list_source_names(path: Path) -> list[str]:
    """Return the names of the sources in the file of a history, which a test may have open."""
    with closing(sqlite3.connect(path)) as history:
        return [row[0] for row in history.execute("SELECT name FROM sources ORDER BY name")]


def insert_source(store: Store, name: str) -> None:
    """Insert a source in a transaction."""
    with store.transaction():
        connection(store).execute(INSERT_SOURCE, [name])
