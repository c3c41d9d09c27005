"""The way in to PostgreSQL: says what to install where psycopg is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.core.errors import StoreError
from watcher.core.extras import POSTGRESQL_IS_MISSING, is_installed
from watcher.core.lazy import load
from watcher.core.postgresql_url import PostgresqlUrl

if TYPE_CHECKING:
    from watcher.store.postgresql import database
else:
    database = load("postgresql_database")


def open_database(url: PostgresqlUrl, *, create: bool, read_only: bool) -> database.PostgresqlDatabase:
    """Return a connection to a history. Raises StoreError."""
    _require_psycopg(url)
    return database.PostgresqlDatabase(url, create=create, read_only=read_only)


def history_exists(url: PostgresqlUrl) -> bool:
    """Return whether a database has a history. Raises StoreError if the server cannot be asked."""
    _require_psycopg(url)
    return database.history_exists(url)


def to_store_error(url: PostgresqlUrl, error: BaseException | None) -> StoreError | None:
    """Return a StoreError, with what to do, for an error that the server or another session caused; else None."""
    return database.to_store_error(url, error) if is_installed("psycopg") else None


def _require_psycopg(url: PostgresqlUrl) -> None:
    if not is_installed("psycopg"):
        raise StoreError(f"{url}: {POSTGRESQL_IS_MISSING}")
