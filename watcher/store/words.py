"""The full-text indexes as a whole."""

# ruff: noqa: S608 - the names stand here
from __future__ import annotations

from watcher.store.database import Database

INDEXES = ("versions_fts", "events_fts")


def gather(database: Database) -> None:
    """Put together what the words of many releases lie in: a question looks each word up in every piece.

    Writes both indexes anew, so it is for after many releases. Raises StoreError as every transaction does.
    """
    with database.transaction():
        for index in INDEXES:
            database.db.execute(f"INSERT INTO {index} ({index}) VALUES ('optimize')")
