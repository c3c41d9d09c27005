"""Where a history is: in an SQLite file, the default, or in a PostgreSQL database. Opens either."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from watcher.core.lazy import load
from watcher.core.postgresql_url import PostgresqlUrl
from watcher.store import database

if TYPE_CHECKING:
    from sqlite_utils.migrations import Migrations

    from watcher.core.errors import StoreError
    from watcher.store.base import Database
    from watcher.store.postgresql import access as postgresql
else:
    postgresql = load("postgresql")


HistoryLocation: TypeAlias = Path | PostgresqlUrl


def open_database(
    location: HistoryLocation, *, create: bool, read_only: bool, migrations: Migrations | None = None
) -> Database:
    """Return a connection to a history (`SqliteDatabase`, `PostgresqlDatabase`). Raises StoreError."""
    if isinstance(location, Path):
        return database.SqliteDatabase(location, create=create, read_only=read_only, migrations=migrations)
    return postgresql.open_database(location, create=create, read_only=read_only)


def history_exists(location: HistoryLocation) -> bool:
    """Return whether there is a history. Raises StoreError if the server cannot be asked."""
    return location.exists() if isinstance(location, Path) else postgresql.history_exists(location)


def to_store_error(location: HistoryLocation, error: BaseException | None) -> StoreError | None:
    """Return a StoreError, with what to do, for an error that the disk or another process caused; else None."""
    if isinstance(location, Path):
        return database.to_store_error(location, error)
    return postgresql.to_store_error(location, error)
