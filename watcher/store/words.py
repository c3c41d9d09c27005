"""The full-text indexes as a whole."""

# ruff: noqa: S608 - the names stand here
from __future__ import annotations

from watcher.store.database import Database

INDEXES = ("versions_fts", "events_fts")


def gather(database: Database) -> None:
    """Merge the segments of both full-text indexes: a query looks each word up in every segment.

    Rewrites both indexes, so call it after many releases. Raises StoreError.
    """
    with database.transaction():
        for index in INDEXES:
            database.db.execute(f"INSERT INTO {index} ({index}) VALUES ('optimize')")
