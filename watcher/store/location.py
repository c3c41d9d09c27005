"""Where a history is: in an SQLite file. Opens it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from watcher.core.errors import StoreError
from watcher.store import database

if TYPE_CHECKING:
    from sqlite_utils.migrations import Migrations

    from watcher.store.base import Database


HistoryLocation: TypeAlias = Path


def open_database(
    location: HistoryLocation, *, create: bool, read_only: bool, migrations: Migrations | None = None
) -> Database:
    """Return a connection to a history (`SqliteDatabase`). Raises StoreError."""
    return database.SqliteDatabase(location, create=create, read_only=read_only, migrations=migrations)


def history_exists(location: HistoryLocation) -> bool:
    """Return whether there is a history. Raises StoreError if the server cannot be asked."""
    return location.exists()


def to_store_error(location: HistoryLocation, error: BaseException | None) -> StoreError | None:
    """Return a StoreError, with what to do, for an error that the disk or another process caused; else None."""
    return database.to_store_error(location, error)
